#include "product/store/postgres_stock.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "net/event.hpp"
#include "product/store/test_shop.test.hpp"

namespace product {
namespace {

using Reason = StockRefusal::Reason;
using Outcome = StockOutcome<Reservation>;

class Stock : public ::testing::Test {
  protected:
    ~Stock() override { EXPECT_EQ(shop_.books_out_of_balance(), 0); }

    static ReservationRequest for_order(
        const base::Uuid& id, std::vector<Line> lines, std::int64_t expires_in_ms = 60'000
    ) {
        return *complete({id, Purpose::order, std::move(lines), expires_in_ms});
    }

    static ReservationRequest for_sale(const base::Uuid& id, const Line& line) {
        return *complete({id, Purpose::flash_sale, {line}, std::nullopt});
    }

    net::awaitable<Outcome> reserving(ReservationRequest request) {
        return stock_.reserve(std::move(request), "service:test", TestShop::soon());
    }

    net::awaitable<Outcome> settling(const base::Uuid& id, std::vector<Line> sold) {
        return stock_.settle(id, std::move(sold), "service:test", TestShop::soon());
    }

    Outcome reserve(ReservationRequest request) { return shop_.run(reserving(std::move(request))); }

    Outcome settle(const base::Uuid& id, std::vector<Line> sold) {
        return shop_.run(settling(id, std::move(sold)));
    }

    static Reason reason_of(const Outcome& outcome) {
        EXPECT_FALSE(outcome.has_value());
        return outcome.has_value() ? Reason::key_reused : outcome.error().reason;
    }

    std::int64_t expire(std::int64_t limit) {
        return shop_.run(stock_.expire_due(limit, TestShop::soon()));
    }

    void expect_level(const base::Uuid& product, std::int64_t stock, std::int64_t reserved) {
        const StockLevel level = shop_.level(product);
        EXPECT_EQ(level.stock, stock);
        EXPECT_EQ(level.reserved, reserved);
    }

    std::int64_t movements(std::string_view kind) {
        postgres::Parameters parameters;
        parameters.text(kind);
        return shop_
            .look(
                {"movements", "SELECT count(*) FROM product.stock_ledger WHERE kind = $1"},
                parameters
            )
            .integer(0, 0);
    }

    TestShop shop_;
    PostgresStock stock_{*shop_.room};
};

TEST_F(Stock, SetsAsideAndSettlesAbsolutely) {
    const auto product = shop_.make_product(10);
    const auto id = shop_.new_id();
    const auto made = reserve(for_sale(id, {product, 8}));
    ASSERT_TRUE(made.has_value());
    EXPECT_TRUE(made->fresh);
    EXPECT_EQ(made->value.state, ReservationState::open);
    EXPECT_EQ(made->value.purpose, Purpose::flash_sale);
    EXPECT_EQ(made->value.expires_at_ms, std::nullopt);
    expect_level(product, 10, 8);

    const auto settled = settle(id, {{product, 5}});
    ASSERT_TRUE(settled.has_value());
    EXPECT_TRUE(settled->fresh);
    EXPECT_EQ(settled->value.state, ReservationState::settled);
    ASSERT_EQ(settled->value.lines.size(), 1u);
    EXPECT_EQ(settled->value.lines[0].sold, 5);
    expect_level(product, 5, 0);

    const auto again = settle(id, {{product, 5}});
    ASSERT_TRUE(again.has_value());
    EXPECT_FALSE(again->fresh);
    EXPECT_EQ(again->value.closed_at_ms, settled->value.closed_at_ms);
    EXPECT_EQ(reason_of(settle(id, {{product, 4}})), Reason::settled_differently);
    EXPECT_EQ(reason_of(settle(id, {{product, 9}})), Reason::settled_differently);
    EXPECT_EQ(reason_of(reserve(for_sale(id, {product, 8}))), Reason::reservation_closed);
    expect_level(product, 5, 0);
    EXPECT_EQ(movements("settle_sold"), 1);
    EXPECT_EQ(movements("release"), 1);
}

TEST_F(Stock, ARepeatedCreateIsTheSameReservation) {
    const auto product = shop_.make_product(10);
    const auto other = shop_.make_product(10);
    const auto id = shop_.new_id();
    const auto made = reserve(for_order(id, {{product, 3}, {other, 1}, {product, 1}}));
    ASSERT_TRUE(made.has_value());
    const auto again = reserve(for_order(id, {{other, 1}, {product, 4}}));
    ASSERT_TRUE(again.has_value());
    EXPECT_FALSE(again->fresh);
    EXPECT_EQ(again->value.created_at_ms, made->value.created_at_ms);
    EXPECT_EQ(again->value.expires_at_ms, made->value.expires_at_ms);
    expect_level(product, 10, 4);

    EXPECT_EQ(reason_of(reserve(for_order(id, {{product, 4}}))), Reason::reservation_differs);
    EXPECT_EQ(
        reason_of(reserve(for_order(id, {{other, 1}, {product, 3}}))), Reason::reservation_differs
    );
    EXPECT_EQ(
        reason_of(reserve(for_order(id, {{other, 1}, {product, 4}}, 61'000))),
        Reason::reservation_differs
    );
    EXPECT_EQ(reason_of(reserve(for_sale(id, {product, 4}))), Reason::reservation_differs);
    expect_level(product, 10, 4);
}

TEST_F(Stock, LinesKeepTheTermsTheyWereReservedAt) {
    const auto product = shop_.make_product(10);
    const auto other = shop_.make_product(10);
    const auto id = shop_.new_id();
    ASSERT_TRUE(reserve(for_order(id, {{product, 3}, {other, 1}})).has_value());
    PostgresCatalogue catalogue(*shop_.room);
    ProductChange change;
    change.name = "Another lamp";
    change.price_cents = 9999;
    ASSERT_TRUE(shop_.run(catalogue.change(product, change, TestShop::soon())).has_value());

    const auto expect_frozen = [](const Reservation& reservation) {
        ASSERT_EQ(reservation.lines.size(), 2u);
        for (const auto& line : reservation.lines) {
            EXPECT_EQ(line.name, "lamp");
            EXPECT_EQ(line.price_cents, 1999);
            EXPECT_EQ(line.currency, "EUR");
        }
    };
    const auto again = reserve(for_order(id, {{product, 3}, {other, 1}}));
    ASSERT_TRUE(again.has_value());
    expect_frozen(again->value);
    expect_frozen(*shop_.run(stock_.find(id, TestShop::soon())));
    const auto settled = settle(id, {{product, 3}, {other, 1}});
    ASSERT_TRUE(settled.has_value());
    expect_frozen(settled->value);
}

TEST_F(Stock, TheProgramBeforeThisOneStillReserves) {
    const auto product = shop_.make_product(10);
    const auto id = shop_.new_id();
    postgres::Parameters parameters;
    const std::vector<base::Uuid> products{product};
    const std::vector<std::int64_t> quantities{2};
    parameters.uuid(id).uuid_array(products).int8_array(quantities);
    shop_.run(shop_.room->query(
        {"reserve_as_before",
         "SELECT outcome"
         " FROM product.reserve_v1($1, 'order', $2, $3, 60000, 't')"},
        parameters,
        TestShop::soon()
    ));
    const auto again = reserve(for_order(id, {{product, 2}}));
    ASSERT_TRUE(again.has_value());
    EXPECT_FALSE(again->fresh);
    EXPECT_EQ(again->value.lines[0].price_cents, 1999) << "of today, as it froze none";
}

TEST_F(Stock, AllOrNothing) {
    const auto plenty = shop_.make_product(100);
    const auto scarce = shop_.make_product(2);
    const auto id = shop_.new_id();
    const auto refused = reserve(for_order(id, {{plenty, 5}, {scarce, 3}}));
    ASSERT_EQ(reason_of(refused), Reason::not_enough_stock);
    EXPECT_EQ(refused.error().product_id, scarce);
    EXPECT_EQ(refused.error().available, 2);
    expect_level(plenty, 100, 0);

    const auto unknown = shop_.new_id();
    const auto missing = reserve(for_order(id, {{plenty, 5}, {unknown, 1}}));
    ASSERT_EQ(reason_of(missing), Reason::product_unknown);
    EXPECT_EQ(missing.error().product_id, unknown);
    EXPECT_FALSE(shop_.run(stock_.find(id, TestShop::soon())).has_value());
    // A refusal binds nothing: the id may try again.
    EXPECT_TRUE(reserve(for_order(id, {{plenty, 5}, {scarce, 2}})).has_value());
    expect_level(plenty, 100, 5);
    expect_level(scarce, 2, 2);
}

TEST_F(Stock, ASettleBeforeItsCreateLeavesATombstone) {
    const auto product = shop_.make_product(10);
    const auto id = shop_.new_id();
    EXPECT_EQ(reason_of(settle(id, {{product, 1}})), Reason::reservation_unknown);
    EXPECT_FALSE(shop_.run(stock_.find(id, TestShop::soon())).has_value());

    const auto buried = settle(id, {{product, 0}});
    ASSERT_TRUE(buried.has_value());
    EXPECT_EQ(buried->value.state, ReservationState::tombstone);
    const auto again = settle(id, {{product, 0}});
    ASSERT_TRUE(again.has_value());
    EXPECT_FALSE(again->fresh);
    EXPECT_EQ(reason_of(settle(id, {{product, 1}})), Reason::settled_differently);

    const auto late = reserve(for_sale(id, {product, 5}));
    ASSERT_EQ(reason_of(late), Reason::reservation_closed);
    ASSERT_TRUE(late.error().reservation.has_value());
    EXPECT_EQ(late.error().reservation->state, ReservationState::tombstone);
    expect_level(product, 10, 0);
}

TEST_F(Stock, ASettleMustNameWhatWasSetAside) {
    const auto product = shop_.make_product(10);
    const auto other = shop_.make_product(10);
    const auto id = shop_.new_id();
    ASSERT_TRUE(reserve(for_order(id, {{product, 2}, {other, 2}})).has_value());
    const auto missing = settle(id, {{product, 1}});
    EXPECT_EQ(reason_of(missing), Reason::lines_mismatch);
    EXPECT_EQ(missing.error().product_id, other);
    EXPECT_EQ(reason_of(settle(id, {{product, 1}, {other, 3}})), Reason::lines_mismatch);
    const auto stranger = shop_.new_id();
    EXPECT_EQ(
        reason_of(settle(id, {{product, 1}, {other, 1}, {stranger, 0}})), Reason::lines_mismatch
    );
    expect_level(product, 10, 2);
    EXPECT_TRUE(settle(id, {{product, 1}, {other, 0}}).has_value());
    expect_level(product, 9, 0);
    expect_level(other, 10, 0);
}

TEST_F(Stock, OrdersExpireAndSalesDoNot) {
    const auto product = shop_.make_product(10);
    const auto brief = shop_.new_id();
    const auto longer = shop_.new_id();
    const auto sale = shop_.new_id();
    ASSERT_TRUE(reserve(for_order(brief, {{product, 2}}, 1000)).has_value());
    ASSERT_TRUE(reserve(for_order(longer, {{product, 3}})).has_value());
    ASSERT_TRUE(reserve(for_sale(sale, {product, 4})).has_value());
    EXPECT_EQ(expire(10), 0);
    shop_.look({"wait_until_due", "SELECT 1 FROM pg_sleep(1.05)"});
    EXPECT_EQ(expire(10), 1);
    EXPECT_EQ(expire(10), 0);
    expect_level(product, 10, 7);
    EXPECT_EQ(movements("expire"), 1);

    EXPECT_EQ(reason_of(settle(brief, {{product, 2}})), Reason::reservation_expired);
    const auto nothing = settle(brief, {{product, 0}});
    ASSERT_TRUE(nothing.has_value());
    EXPECT_EQ(nothing->value.state, ReservationState::released);
    EXPECT_EQ(
        reason_of(reserve(for_order(brief, {{product, 2}}, 1000))), Reason::reservation_closed
    );
}

TEST_F(Stock, OneThatCantBeReleasedHoldsNoOtherUp) {
    const auto broken = shop_.make_product(10);
    const auto sound = shop_.make_product(10);
    ASSERT_TRUE(reserve(for_order(shop_.new_id(), {{broken, 2}}, 1000)).has_value());
    ASSERT_TRUE(reserve(for_order(shop_.new_id(), {{sound, 3}}, 1001)).has_value());
    ASSERT_TRUE(reserve(for_order(shop_.new_id(), {{sound, 4}}, 1002)).has_value());
    postgres::Parameters parameters;
    parameters.uuid(broken);
    shop_.look({"break", "UPDATE product.products SET reserved = 0 WHERE id = $1"}, parameters);
    shop_.look({"wait_until_due", "SELECT 1 FROM pg_sleep(1.1)"});

    EXPECT_EQ(expire(1), 1) << "the next one is taken";
    expect_level(sound, 10, 4);
    EXPECT_EQ(expire(50), 1);
    expect_level(sound, 10, 0);
    EXPECT_EQ(expire(50), 0);

    shop_.look({"mend", "UPDATE product.products SET reserved = 2 WHERE id = $1"}, parameters);
    EXPECT_EQ(expire(50), 1);
    EXPECT_EQ(shop_.books_out_of_balance(), 0);
}

TEST_F(Stock, AProductThatIsHeldHoldsNoOtherUp) {
    const auto held = shop_.make_product(10);
    const auto free = shop_.make_product(10);
    ASSERT_TRUE(reserve(for_order(shop_.new_id(), {{held, 2}}, 1000)).has_value());
    ASSERT_TRUE(reserve(for_order(shop_.new_id(), {{held, 1}, {free, 1}}, 1001)).has_value());
    ASSERT_TRUE(reserve(for_order(shop_.new_id(), {{free, 3}}, 1002)).has_value());
    shop_.look({"wait_until_due", "SELECT 1 FROM pg_sleep(1.1)"});
    const auto holder = shop_.run(shop_.room->acquire(TestShop::soon()));
    shop_.run(holder->run(
        "BEGIN; SELECT 1 FROM product.products WHERE id = '" + held.to_string() + "' FOR UPDATE",
        TestShop::soon()
    ));
    EXPECT_EQ(expire(50), 1);
    expect_level(free, 10, 1);
    shop_.run(holder->run("ROLLBACK", TestShop::soon()));
    EXPECT_EQ(expire(50), 2);
    expect_level(held, 10, 0);
    expect_level(free, 10, 0);
}

TEST_F(Stock, TheClockDecidesEvenBeforeTheWorkerCame) {
    const auto product = shop_.make_product(10);
    const auto id = shop_.new_id();
    const auto other = shop_.new_id();
    ASSERT_TRUE(reserve(for_order(id, {{product, 2}}, 1000)).has_value());
    ASSERT_TRUE(reserve(for_order(other, {{product, 3}}, 1000)).has_value());
    shop_.look({"wait_until_due", "SELECT 1 FROM pg_sleep(1.05)"});
    EXPECT_EQ(reason_of(reserve(for_order(id, {{product, 2}}, 1000))), Reason::reservation_closed);
    EXPECT_EQ(reason_of(settle(id, {{product, 2}})), Reason::reservation_expired);
    expect_level(product, 10, 3);
    const auto nothing = settle(other, {{product, 0}});
    ASSERT_TRUE(nothing.has_value());
    EXPECT_EQ(nothing->value.state, ReservationState::released);
    expect_level(product, 10, 0);
}

TEST_F(Stock, ReturnsComeBackOnce) {
    const auto product = shop_.make_product(10);
    const auto id = shop_.new_id();
    const auto order = shop_.new_id();
    const auto take_back = [&](const base::Uuid& from, std::vector<Line> lines) {
        return shop_.run(
            stock_.take_back(id, from, std::move(lines), "service:test", TestShop::soon())
        );
    };
    const auto made = take_back(order, {{product, 3}});
    ASSERT_TRUE(made.has_value());
    EXPECT_TRUE(made->fresh);
    const auto again = take_back(order, {{product, 3}});
    ASSERT_TRUE(again.has_value());
    EXPECT_FALSE(again->fresh);
    EXPECT_EQ(again->value, made->value);
    expect_level(product, 13, 0);
    EXPECT_EQ(take_back(order, {{product, 2}}).error().reason, Reason::return_differs);
    EXPECT_EQ(take_back(id, {{product, 3}}).error().reason, Reason::return_differs);
    const auto stranger = shop_.new_id();
    const auto unknown = shop_.run(
        stock_.take_back(shop_.new_id(), order, {{stranger, 1}}, "service:test", TestShop::soon())
    );
    EXPECT_EQ(unknown.error().reason, Reason::product_unknown);
    expect_level(product, 13, 0);
}

TEST_F(Stock, RestocksAreBoundToTheirKey) {
    const auto product = shop_.make_product(10);
    const auto other = shop_.make_product(0);
    const auto restock = [&](const base::Uuid& id, std::int64_t quantity, std::string key) {
        return shop_.run(stock_.restock(
            id, quantity, std::nullopt, "admin:test", std::move(key), TestShop::soon()
        ));
    };
    const auto made = restock(product, 5, "a");
    ASSERT_TRUE(made.has_value());
    EXPECT_TRUE(made->fresh);
    EXPECT_EQ(made->value.stock, 15);
    ASSERT_TRUE(restock(product, 1, "b").has_value());
    const auto again = restock(product, 5, "a");
    ASSERT_TRUE(again.has_value());
    EXPECT_FALSE(again->fresh);
    EXPECT_EQ(again->value.stock, 15) << "the answer of the first time";
    expect_level(product, 16, 0);
    EXPECT_EQ(restock(product, 6, "a").error().reason, Reason::key_reused);
    EXPECT_EQ(restock(other, 5, "a").error().reason, Reason::key_reused);
    EXPECT_EQ(restock(shop_.new_id(), 5, "c").error().reason, Reason::product_unknown);

    ASSERT_TRUE(reserve(for_sale(shop_.new_id(), {product, 10})).has_value());
    const auto below = restock(product, -7, "d");
    ASSERT_FALSE(below.has_value());
    EXPECT_EQ(below.error().reason, Reason::below_reserved);
    EXPECT_EQ(below.error().available, 6);
    EXPECT_TRUE(restock(product, -6, "d").has_value());
    expect_level(product, 10, 10);
}

TEST_F(Stock, ArchivedProductsAreNotSetAside) {
    const auto product = shop_.make_product(10);
    PostgresCatalogue catalogue(*shop_.room);
    ProductChange change;
    change.archived = true;
    ASSERT_TRUE(shop_.run(catalogue.change(product, change, TestShop::soon())).has_value());
    EXPECT_EQ(reason_of(reserve(for_sale(shop_.new_id(), {product, 1}))), Reason::product_archived);
}

TEST_F(Stock, TwinsOfACreateMakeOneReservation) {
    for (int round = 0; round < 10; ++round) {
        const auto product = shop_.make_product(3);
        const auto id = shop_.new_id();
        std::vector<net::awaitable<Outcome>> twins;
        for (int twin = 0; twin < 6; ++twin) {
            twins.push_back(reserving(for_sale(id, {product, 3})));
        }
        const auto outcomes = shop_.run_all(std::move(twins));
        int fresh = 0;
        for (const auto& outcome : outcomes) {
            ASSERT_TRUE(outcome.has_value()) << "its own units are not missing to it";
            fresh += outcome->fresh;
        }
        EXPECT_EQ(fresh, 1);
        expect_level(product, 3, 3);
    }
}

TEST_F(Stock, OneIdForTwoRequestsIsOneReservation) {
    for (int round = 0; round < 10; ++round) {
        const auto one = shop_.make_product(5);
        const auto two = shop_.make_product(5);
        const auto id = shop_.new_id();
        std::vector<net::awaitable<Outcome>> works;
        works.push_back(reserving(for_sale(id, {one, 2})));
        works.push_back(reserving(for_sale(id, {two, 2})));
        const auto outcomes = shop_.run_all(std::move(works));
        const bool first = outcomes[0].has_value();
        EXPECT_NE(first, outcomes[1].has_value());
        EXPECT_EQ(reason_of(outcomes[first ? 1 : 0]), Reason::reservation_differs);
        EXPECT_EQ(shop_.level(one).reserved + shop_.level(two).reserved, 2);
    }
}

TEST_F(Stock, FiftyAtOnceNeverOversell) {
    const auto product = shop_.make_product(10);
    std::vector<net::awaitable<Outcome>> buyers;
    for (int buyer = 0; buyer < 50; ++buyer) {
        buyers.push_back(reserving(for_order(shop_.new_id(), {{product, 1}})));
    }
    const auto outcomes = shop_.run_all(std::move(buyers));
    const auto won = std::count_if(outcomes.begin(), outcomes.end(), [](const Outcome& outcome) {
        return outcome.has_value();
    });
    EXPECT_EQ(won, 10);
    for (const auto& outcome : outcomes) {
        if (!outcome.has_value()) {
            EXPECT_EQ(outcome.error().reason, Reason::not_enough_stock);
            EXPECT_EQ(outcome.error().available, 0);
        }
    }
    expect_level(product, 10, 10);
}

TEST_F(Stock, CrossedLinesDoNotDeadlock) {
    const auto one = shop_.make_product(1000);
    const auto two = shop_.make_product(1000);
    std::vector<net::awaitable<Outcome>> buyers;
    for (int buyer = 0; buyer < 60; ++buyer) {
        const bool crossed = buyer % 2 == 0;
        buyers.push_back(reserving(
            for_order(shop_.new_id(), {{crossed ? one : two, 1}, {crossed ? two : one, 2}})
        ));
    }
    for (const auto& outcome : shop_.run_all(std::move(buyers))) {
        EXPECT_TRUE(outcome.has_value());
    }
    EXPECT_EQ(shop_.level(one).reserved, 90);
    EXPECT_EQ(shop_.level(two).reserved, 90);
}

TEST_F(Stock, ASettleThatRacesItsCreateLeavesNothingSetAside) {
    int tombstones = 0;
    for (int round = 0; round < 30; ++round) {
        const auto product = shop_.make_product(5);
        const auto id = shop_.new_id();
        std::vector<net::awaitable<Outcome>> works;
        if (round % 2 == 0) works.push_back(settling(id, {{product, 0}}));
        works.push_back(reserving(for_sale(id, {product, 5})));
        if (round % 2 != 0) works.push_back(settling(id, {{product, 0}}));
        const auto outcomes = shop_.run_all(std::move(works));
        const auto& settled = outcomes[round % 2 == 0 ? 0 : 1];
        ASSERT_TRUE(settled.has_value());
        tombstones += settled->value.state == ReservationState::tombstone;
        expect_level(product, 5, 0);
    }
    EXPECT_GT(tombstones, 0);
}

TEST_F(Stock, ConcurrentSettlesAgreeOnOneResult) {
    for (int round = 0; round < 10; ++round) {
        const auto product = shop_.make_product(5);
        const auto id = shop_.new_id();
        ASSERT_TRUE(reserve(for_sale(id, {product, 5})).has_value());
        std::vector<net::awaitable<Outcome>> works;
        for (std::int64_t sold = 0; sold < 4; ++sold) {
            works.push_back(settling(id, {{product, sold}}));
        }
        const auto outcomes = shop_.run_all(std::move(works));
        const auto won =
            std::count_if(outcomes.begin(), outcomes.end(), [](const Outcome& outcome) {
                return outcome.has_value();
            });
        EXPECT_EQ(won, 1);
    }
}

net::awaitable<bool> expiring(PostgresStock& stock, std::int64_t& released) {
    const auto count = co_await stock.expire_due(3, TestShop::soon());
    released += count;
    co_return count > 0;
}

TEST_F(Stock, SeveralExpiryWorkersShareTheWork) {
    const auto one = shop_.make_product(100);
    const auto two = shop_.make_product(100);
    std::vector<net::awaitable<Outcome>> buyers;
    std::vector<base::Uuid> ids;
    for (int buyer = 0; buyer < 20; ++buyer) {
        ids.push_back(shop_.new_id());
        buyers.push_back(reserving(for_order(ids.back(), {{one, 1}, {two, 2}}, 1000)));
    }
    shop_.run_all(std::move(buyers));
    shop_.look({"wait_until_due", "SELECT 1 FROM pg_sleep(1.05)"});
    std::int64_t released = 0;
    for (int round = 0; round < 40 && released < 20; ++round) {
        std::vector<net::awaitable<bool>> workers;
        for (int worker = 0; worker < 4; ++worker) workers.push_back(expiring(stock_, released));
        shop_.run_all(std::move(workers));
    }
    EXPECT_EQ(released, 20);
    EXPECT_EQ(movements("expire"), 40);
    expect_level(one, 100, 0);
    expect_level(two, 100, 0);
}

net::awaitable<bool> settling_late(
    PostgresStock& stock, base::Uuid id, std::vector<Line> sold, std::int64_t& refused
) {
    const auto outcome =
        co_await stock.settle(id, std::move(sold), "service:test", TestShop::soon());
    if (!outcome.has_value()) {
        EXPECT_EQ(outcome.error().reason, Reason::reservation_expired);
        ++refused;
    }
    co_return outcome.has_value();
}

TEST_F(Stock, SettlesThatRaceExpiryWorkersSellAllOrNothing) {
    constexpr int rounds = 4;
    std::int64_t settled = 0;
    std::int64_t refused = 0;
    const auto one = shop_.make_product(1000);
    const auto two = shop_.make_product(1000);
    for (int round = 0; round < rounds; ++round) {
        std::vector<base::Uuid> ids;
        std::vector<net::awaitable<Outcome>> buyers;
        for (int buyer = 0; buyer < 12; ++buyer) {
            ids.push_back(shop_.new_id());
            buyers.push_back(reserving(for_order(ids.back(), {{one, 1}, {two, 2}}, 1000)));
        }
        shop_.run_all(std::move(buyers));
        // Some settles come just before the end of the time, some after it, the workers all along.
        shop_.look({"wait_until_nearly_due", "SELECT 1 FROM pg_sleep(0.97)"});
        std::int64_t released = 0;
        std::vector<net::awaitable<bool>> works;
        for (const auto& id : ids) {
            works.push_back(expiring(stock_, released));
            works.push_back(settling_late(stock_, id, {{two, 2}, {one, 1}}, refused));
            works.push_back(expiring(stock_, released));
        }
        const auto outcomes = shop_.run_all(std::move(works));
        for (std::size_t index = 1; index < outcomes.size(); index += 3) settled += outcomes[index];
    }
    shop_.look({"wait_until_due", "SELECT 1 FROM pg_sleep(1.05)"});
    while (expire(50) > 0) continue;
    EXPECT_EQ(settled + refused, rounds * 12);
    expect_level(one, 1000 - settled, 0);
    expect_level(two, 1000 - 2 * settled, 0);
    EXPECT_EQ(movements("settle_sold"), 2 * settled);
    EXPECT_EQ(movements("expire"), 2 * refused);
}

net::awaitable<bool> moving(
    PostgresStock& stock, int what, base::Uuid one, base::Uuid two, base::Uuid id, base::Uuid order
) {
    // Named, as GCC 12 can't have initializer lists in coroutines.
    const std::string actor = "service:test";
    const Line first(one, 1);
    const Line second(two, 1);
    const Line unsold(two, 0);
    std::vector<Line> lines;
    lines.push_back(what == 0 ? first : second);
    lines.push_back(what == 0 ? second : first);
    if (what == 0) {
        co_await stock.take_back(id, order, *merge_lines(lines, 1, ""), actor, TestShop::soon());
    } else if (what == 1) {
        co_await stock.restock(two, 1, std::nullopt, actor, id.to_string(), TestShop::soon());
    } else {
        ReservationRequest request;
        request.id = id;
        request.lines = lines;
        auto wanted = complete(std::move(request));
        co_await stock.reserve(std::move(*wanted), actor, TestShop::soon());
        std::vector<Line> sold;
        sold.push_back(first);
        sold.push_back(unsold);
        if (what == 2) {
            co_await stock.settle(id, *merge_lines(sold, 0, ""), actor, TestShop::soon());
        }
    }
    co_return true;
}

TEST_F(Stock, MovementsOfAllKindsDoNotDeadlock) {
    const auto one = shop_.make_product(1000);
    const auto two = shop_.make_product(1000);
    std::vector<net::awaitable<bool>> works;
    for (int index = 0; index < 120; ++index) {
        const bool crossed = index % 2 == 0;
        works.push_back(moving(
            stock_,
            index % 4,
            crossed ? one : two,
            crossed ? two : one,
            shop_.new_id(),
            shop_.new_id()
        ));
    }
    // A deadlock would throw.
    EXPECT_EQ(shop_.run_all(std::move(works)).size(), 120u);
}

TEST(StockPlans, MovementsNeverReadWholeTables) {
    TestShop shop(1);  // one connection, whose plans are made while the tables are empty
    PostgresStock stock(*shop.room);
    const std::string actor = "service:test";
    const auto one = shop.make_product(100);
    const auto two = shop.make_product(100);
    const auto move = [&] {
        const auto id = shop.new_id();
        auto request = complete({id, Purpose::order, {{one, 1}, {two, 1}}, 60'000});
        EXPECT_TRUE(shop.run(stock.reserve(*request, actor, TestShop::soon())).has_value());
        EXPECT_TRUE(shop.run(stock.reserve(*request, actor, TestShop::soon())).has_value());
        EXPECT_TRUE(shop.run(stock.find(id, TestShop::soon())).has_value());
        EXPECT_TRUE(
            shop.run(stock.settle(id, {{one, 1}, {two, 0}}, actor, TestShop::soon())).has_value()
        );
        shop.run(stock.expire_due(10, TestShop::soon()));
        const auto key = shop.new_id().to_string();
        shop.run(stock.restock(one, 1, std::nullopt, actor, key, TestShop::soon()));
        shop.run(stock.take_back(shop.new_id(), shop.new_id(), {{one, 1}}, actor, TestShop::soon())
        );
    };
    // As autovacuum leaves them: known to be empty, so that reading them whole seems cheapest.
    shop.look({"vacuum", "VACUUM ANALYZE product.reservations"});
    shop.look({"vacuum_lines", "VACUUM ANALYZE product.reservation_lines"});
    const auto scans = [&] {
        return shop.look(
            {"scans",
             "SELECT sum(seq_scan)::int8, sum(idx_scan)::int8 FROM pg_stat_user_tables"
             " WHERE relid IN ('product.reservations'::regclass,"
             "                 'product.reservation_lines'::regclass)"}
        );
    };
    const auto before = scans();
    for (int round = 0; round < 8; ++round) move();
    // What a session counted is seen by others when it says so.
    shop.run(shop.room->query(
        {"flush", "SELECT pg_stat_force_next_flush() IS NULL"}, {}, TestShop::soon()
    ));
    const auto after = scans();
    EXPECT_EQ(after.integer(0, 0), before.integer(0, 0)) << "whole tables were read";
    EXPECT_GT(after.integer(0, 1), before.integer(0, 1) + 50) << "nothing was counted at all";
}

TEST_F(Stock, ReasonsAreInTheLedger) {
    const auto product = shop_.make_product(10);
    ASSERT_TRUE(
        shop_.run(stock_.restock(product, -2, "damaged", "admin:test", "key", TestShop::soon()))
            .has_value()
    );
    const auto rows = shop_.look(
        {"reasons", "SELECT quantity, reason FROM product.stock_ledger WHERE kind = 'restock'"}
    );
    ASSERT_EQ(rows.rows(), 1u);
    EXPECT_EQ(rows.integer(0, 0), -2);
    EXPECT_EQ(rows.text(0, 1), "damaged");
    const auto other =
        shop_.run(stock_.restock(product, -2, "stolen", "admin:test", "key", TestShop::soon()));
    ASSERT_FALSE(other.has_value());
    EXPECT_EQ(other.error().reason, Reason::key_reused);
}

TEST_F(Stock, TheRoomCanNotRewriteTheBooks) {
    const auto product = shop_.make_product(1);
    for (const auto& forbidden :
         {postgres::Statement{"forget_ledger", "DELETE FROM product.stock_ledger"},
          postgres::Statement{"change_ledger", "UPDATE product.stock_ledger SET quantity = 2"},
          postgres::Statement{"forget_product", "DELETE FROM product.products"},
          postgres::Statement{"change_restock", "UPDATE product.restocks SET quantity = 2"}}) {
        try {
            shop_.run(shop_.room->query(forbidden, {}, TestShop::soon()));
            ADD_FAILURE() << forbidden.name;
        } catch (const postgres::Error& error) {
            EXPECT_EQ(error.sqlstate(), "42501") << error.what();
        }
    }
    postgres::PoolSettings settings;
    settings.url = shop_.url("auditor");
    postgres::Pool auditor(shop_.loop.get_executor(), settings, nullptr);
    EXPECT_GT(shop_.run(postgres::schema_version(auditor, "product", TestShop::soon())), 0);
    const auto seen = shop_.run(
        auditor.query({"audit", "SELECT count(*) FROM product.stock_ledger"}, {}, TestShop::soon())
    );
    EXPECT_EQ(seen.integer(0, 0), 1);
    EXPECT_THROW(
        shop_.run(
            auditor.query({"tamper", "UPDATE product.products SET stock = 5"}, {}, TestShop::soon())
        ),
        postgres::Error
    );
    expect_level(product, 1, 0);
}

}  // namespace
}  // namespace product
