#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>

#include "base/timestamp.hpp"
#include "postgres/migrate.hpp"
#include "product/store/postgres_catalogue.hpp"
#include "product/store/postgres_stock.hpp"
#include "testing/run_on_loop.hpp"
#include "testing/temporary_postgres.hpp"

namespace product {

/// A migrated database for tests, used as the room uses it: with the rights of the role `product`.
/// The owner's connection serves to look.
class TestShop {
  public:
    explicit TestShop(std::size_t connections_max = 8)
        : owner_url_(::testing::make_database("shop")) {
        owner_ =
            std::make_unique<postgres::Pool>(loop.get_executor(), settings("postgres", 1), nullptr);
        const auto connection = run(owner_->acquire(soon()));
        run(connection->run(
            "DO $$ BEGIN CREATE ROLE product LOGIN; CREATE ROLE auditor LOGIN;"
            " EXCEPTION WHEN duplicate_object THEN NULL; END $$",
            soon()
        ));
        run(postgres::migrate(
            *connection, "product", postgres::read_migrations(PRODUCT_MIGRATIONS), soon()
        ));
        room = std::make_unique<postgres::Pool>(
            loop.get_executor(), settings("product", connections_max), nullptr
        );
    }

    static net::Deadline soon() { return net::deadline_in(std::chrono::seconds(30)); }

    template <class T>
    T run(net::awaitable<T> work) {
        return ::testing::run_on_loop(loop, std::move(work));
    }

    /// Starts all at once on the loop and returns the outcomes in order.
    template <class T>
    std::vector<T> run_all(std::vector<net::awaitable<T>> works) {
        std::vector<std::optional<T>> outcomes(works.size());
        std::size_t left = works.size();
        std::exception_ptr failure;
        for (std::size_t index = 0; index < works.size(); ++index) {
            net::asio::co_spawn(
                loop,
                std::move(works[index]),
                [&, index](std::exception_ptr error, T outcome) {
                    --left;
                    if (error) failure = error;
                    outcomes[index] = std::move(outcome);
                }
            );
        }
        loop.restart();
        while (left > 0) loop.run_one();
        if (failure) std::rethrow_exception(failure);
        std::vector<T> values;
        for (auto& outcome : outcomes) values.push_back(std::move(*outcome));
        return values;
    }

    postgres::Result look(
        const postgres::Statement& statement, const postgres::Parameters& parameters = {}
    ) {
        return run(owner_->query(statement, parameters, soon()));
    }

    std::string url(const std::string& role) const {
        std::string text = owner_url_;
        return text.replace(text.find("postgres@"), 8, role);
    }

    base::Uuid new_id() { return ids.next(base::unix_now_ms()); }

    base::Uuid make_product(std::int64_t stock) {
        PostgresCatalogue catalogue(*room);
        NewProduct product;
        product.name = "lamp";
        product.category = "light";
        product.price_cents = 1999;
        product.currency = "EUR";
        product.initial_stock = stock;
        const auto created =
            run(catalogue.create(new_id(), product, "admin:test", std::nullopt, soon()));
        return created->id;
    }

    StockLevel level(const base::Uuid& product) {
        PostgresCatalogue catalogue(*room);
        const auto found = run(catalogue.find(product, soon()));
        return {found->stock, found->reserved};
    }

    /// Products whose row is not the sum of their movements, or whose newest movement says other
    /// numbers than the row; and reservations whose sums are not those of the products.
    std::int64_t books_out_of_balance() {
        return look({"out_of_balance", out_of_balance}).integer(0, 0);
    }

    net::asio::io_context loop;
    base::UuidGenerator ids;
    std::unique_ptr<postgres::Pool> room;

  private:
    static constexpr std::string_view out_of_balance =
        "WITH sums AS ("
        " SELECT product_id,"
        "  coalesce(sum(quantity) FILTER"
        "     (WHERE kind IN ('initial','restock','return','correction')), 0)"
        "  - coalesce(sum(quantity) FILTER (WHERE kind = 'settle_sold'), 0) AS stock,"
        "  coalesce(sum(quantity) FILTER (WHERE kind = 'reserve'), 0)"
        "  + coalesce(sum(reserved_change), 0)"
        "  - coalesce(sum(quantity) FILTER"
        "     (WHERE kind IN ('settle_sold','release','expire')), 0) AS reserved,"
        "  (array_agg(stock_after ORDER BY id DESC))[1] AS stock_after,"
        "  (array_agg(reserved_after ORDER BY id DESC))[1] AS reserved_after"
        " FROM product.stock_ledger GROUP BY product_id),"
        "held AS ("
        " SELECT product_id, sum(quantity) AS reserved FROM product.reservation_lines"
        " JOIN product.reservations AS r ON r.id = reservation_id AND r.state = 'open'"
        " GROUP BY product_id)"
        "SELECT count(*) FROM product.products AS p"
        " LEFT JOIN sums ON sums.product_id = p.id LEFT JOIN held ON held.product_id = p.id"
        " WHERE (p.stock, p.reserved) IS DISTINCT FROM"
        "       (coalesce(sums.stock, 0), coalesce(sums.reserved, 0))"
        "    OR (p.stock, p.reserved) IS DISTINCT FROM"
        "       (coalesce(sums.stock_after, 0), coalesce(sums.reserved_after, 0))"
        "    OR p.reserved IS DISTINCT FROM coalesce(held.reserved, 0)";

    postgres::PoolSettings settings(const std::string& role, std::size_t connections_max) const {
        postgres::PoolSettings settings;
        settings.url = url(role);
        settings.connections_max = connections_max;
        return settings;
    }

    std::string owner_url_;
    std::unique_ptr<postgres::Pool> owner_;
};

}  // namespace product
