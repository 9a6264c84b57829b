#include "cli/preflight/smoke_purchase.hpp"

#include <chrono>
#include <optional>

#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "base/timestamp.hpp"
#include "base/uuid.hpp"
#include "cli/preflight/clean_up.hpp"
#include "cli/preflight/scratch_shop.hpp"
#include "cli/shop_client.hpp"
#include "net/event.hpp"

namespace cli::preflight {
namespace {

using std::chrono::milliseconds;
using Person = ScratchShop::Person;

constexpr milliseconds request_time{10000};
constexpr milliseconds state_time{10000};  ///< until a sale is open, an order paid, a refusal final
constexpr milliseconds settle_time{20000};  ///< until product has heard what was sold
constexpr milliseconds ask_every{100};
constexpr milliseconds lock_time{3000};

constexpr std::int64_t started_before_ms = 2000;
constexpr std::int64_t lasts_ms = 600000;
constexpr std::int64_t hold_ms = 60000;
constexpr std::int64_t price_cents = 100;

constexpr const char* product_key = "doorbuster-preflight-scratch-product";
constexpr const char* see_order = "see the log of order and of the gateway";
constexpr const char* see_product = "see the log of product and of the gateway";

constexpr postgres::Statement lock_statement{
    "preflight_lock", "SELECT pg_try_advisory_lock(hashtextextended('doorbuster preflight', 0))"
};

/// One smoke purchase, step by step.
class Purchase {
  public:
    Purchase(Checks& checks, net::Executor executor, const Settings& settings, std::string run)
        : checks_(checks),
          shop_(executor, settings.gateway, token::SigningKey::from_pem(settings.signing_key)),
          run_(std::move(run)) {
        scratch_.product.key = product_key;
        scratch_.sale.key = "preflight-" + run_;
    }

    net::awaitable<void> make();

  private:
    net::awaitable<bool> sell();
    net::awaitable<Judgement> prepare_product();
    net::awaitable<Judgement> open_sale();
    net::awaitable<Judgement> buy();
    net::awaitable<Judgement> buy_again();
    net::awaitable<Judgement> pay();
    net::awaitable<Judgement> come_too_late();
    net::awaitable<Judgement> settle();
    net::awaitable<Judgement> count();

    net::awaitable<Answer> ask(
        Person who, std::string method, std::string target, std::string body, std::string key
    );
    /// Asks for what must be taken away again.
    net::awaitable<Answer> make_scratch(ScratchThing& thing, std::string target);
    net::awaitable<Answer> take(Person who, std::string key);
    /// Asks until `name` of the answer is `wanted`, or the time is over; the last answer.
    net::awaitable<Answer> wait_for(
        Person who, std::string target, std::string name, json::Value wanted, milliseconds time
    );
    std::string sale_target() const { return scratch_.sale_target(); }
    std::string product_target() const { return scratch_.product_target(); }

    Checks& checks_;
    ScratchShop shop_;
    std::string run_;  ///< an id of this run: its idempotency keys
    Scratch scratch_;
    std::string order_;
};

net::awaitable<Answer> Purchase::ask(
    Person who, std::string method, std::string target, std::string body, std::string key
) {
    const auto deadline = checks_.deadline_in(request_time);
    Answer answer = co_await shop_.ask(
        who, std::move(method), std::move(target), std::move(body), std::move(key), deadline
    );
    co_return answer;
}

net::awaitable<Answer> Purchase::wait_for(
    Person who, std::string target, std::string name, json::Value wanted, milliseconds time
) {
    const auto deadline = checks_.deadline_in(time);
    while (true) {
        Answer answer = co_await ask(who, "GET", target, "", "");
        const auto* seen =
            answer.body.is_object() ? answer.body.get_object().if_contains(name) : nullptr;
        const bool is_there = answer.status == 200 && seen != nullptr && *seen == wanted;
        if (is_there || net::SteadyClock::now() >= deadline) co_return answer;
        co_await net::sleep_for(ask_every);
    }
}

net::awaitable<Answer> Purchase::make_scratch(ScratchThing& thing, std::string target) {
    thing.may_exist = true;
    try {
        Answer made = co_await ask(Person::admin, "POST", std::move(target), thing.body, thing.key);
        thing.id = made.text("id");
        thing.may_exist = made.status < 400 || made.status >= 500;
        co_return made;
    } catch (const http::TransportError& error) {
        thing.may_exist = error.effect() != base::NeighbourError::Effect::none;
        throw;
    }
}

/// The same product in each run: unarchived, and with a unit to sell.
net::awaitable<Judgement> Purchase::prepare_product() {
    scratch_.product.body = json::serialize(json::Object{
        {"name", "Preflight scratch product, not for sale"},
        {"category", "preflight"},
        {"price_cents", price_cents},
        {"currency", "EUR"},
    });
    const Answer made = co_await make_scratch(scratch_.product, "/api/v1/products");
    if (made.status != 200 && made.status != 201) co_return failed(made.described, see_product);
    const Answer shown =
        co_await ask(Person::admin, "PATCH", product_target(), R"({"archived":false})", "");
    if (shown.status != 200) co_return failed(shown.described, see_product);
    if (integer_member(shown.body, "available") < 1) {
        const std::string target = product_target() + "/restocks";
        const Answer restocked =
            co_await ask(Person::admin, "POST", target, R"({"quantity":1})", "preflight-" + run_);
        if (restocked.status != 201) co_return failed(restocked.described, see_product);
    }
    co_return ok(fmt::format("{}, one unit", scratch_.product.id));
}

net::awaitable<Judgement> Purchase::open_sale() {
    const std::int64_t now_ms = base::unix_now_ms();
    scratch_.sale.body = json::serialize(json::Object{
        {"product_id", scratch_.product.id},
        {"name", "Preflight, not for sale"},
        {"units", 1},
        {"unit_price_cents", price_cents},
        {"currency", "EUR"},
        {"starts_at", base::format_timestamp(now_ms - started_before_ms)},
        {"ends_at", base::format_timestamp(now_ms + lasts_ms)},
        {"hold_ms", hold_ms},
    });
    const Answer made = co_await make_scratch(scratch_.sale, "/api/v1/flash-sales");
    if (made.status != 200 && made.status != 201) co_return failed(made.described, see_order);
    const json::Value wanted = "running";
    const Answer open =
        co_await wait_for(Person::admin, sale_target(), "state", wanted, state_time);
    if (open.status != 200) co_return failed(open.described, see_order);
    const std::string state = text_member(open.body, "state");
    if (state != "running") {
        co_return failed(
            fmt::format("sale {} is {}", scratch_.sale.id, state),
            "its units were not set aside: see the log of order and of product"
        );
    }
    co_return ok(fmt::format("{}, created {}", scratch_.sale.id, made.summary()));
}

net::awaitable<Answer> Purchase::take(Person who, std::string key) {
    const std::string target = sale_target() + "/orders";
    Answer answer = co_await ask(who, "POST", target, R"({"quantity":1})", std::move(key));
    co_return answer;
}

net::awaitable<Judgement> Purchase::buy() {
    const Answer bought = co_await take(Person::buyer, run_);
    if (bought.status != 201) co_return failed(bought.described, see_order);
    order_ = text_member(bought.body, "order_id");
    co_return ok(bought.summary());
}

net::awaitable<Judgement> Purchase::buy_again() {
    const Answer again = co_await take(Person::buyer, run_);
    if (again.status != 200) co_return failed(again.described, see_order);
    const std::string order = text_member(again.body, "order_id");
    if (order != order_) {
        co_return failed(
            fmt::format("the same key made orders {} and {}", order_, order),
            "don't open a sale: run doorbuster audit and look for what writes past order"
        );
    }
    co_return ok(fmt::format("the same order, {}", again.summary()));
}

net::awaitable<Judgement> Purchase::pay() {
    const std::string target = "/api/v1/orders/" + order_;
    const std::string body = R"({"payment_method":"sandbox:approve"})";
    const Answer paid = co_await ask(Person::buyer, "POST", target + "/pay", body, "");
    if (paid.status != 200 && paid.status != 202) co_return failed(paid.described, see_order);
    const json::Value wanted = "paid";
    const Answer seen = co_await wait_for(Person::buyer, target, "state", wanted, state_time);
    if (seen.status != 200) co_return failed(seen.described, see_order);
    const std::string state = text_member(seen.body, "state");
    if (state != "paid") {
        co_return failed("the order is " + state, "see the payment provider and the log of order");
    }
    co_return ok("paid, " + paid.summary());
}

net::awaitable<Judgement> Purchase::come_too_late() {
    const auto deadline = checks_.deadline_in(state_time);
    while (true) {
        const Answer refused = co_await take(Person::late_buyer, "late-" + run_);
        if (refused.status == 409 && refused.code() == "sold_out") {
            co_return ok("sold_out, " + refused.summary());
        }
        if (refused.status >= 200 && refused.status <= 299) {
            co_return failed("one unit was sold twice", "don't open a sale: run doorbuster audit");
        }
        // Right after the payment pods may still know the unit as held.
        const bool may_pass = refused.code() == "none_left_now";
        if (!may_pass || net::SteadyClock::now() >= deadline) {
            co_return failed(refused.described, see_order);
        }
        co_await net::sleep_for(ask_every);
    }
}

net::awaitable<Judgement> Purchase::settle() {
    const Answer ended = co_await ask(Person::admin, "POST", sale_target() + "/end", "{}", "");
    if (ended.status != 200) co_return failed(ended.described, see_order);
    const json::Value settled = "settled";
    const Answer sale =
        co_await wait_for(Person::admin, sale_target(), "state", settled, settle_time);
    if (sale.status != 200) co_return failed(sale.described, see_order);
    const std::string state = text_member(sale.body, "state");
    if (state != "settled") {
        co_return failed("the sale stays " + state, "see the log of order: who drives sales on?");
    }
    const json::Value none = std::int64_t{0};
    const Answer product =
        co_await wait_for(Person::admin, product_target(), "reserved", none, settle_time);
    if (product.status != 200) co_return failed(product.described, see_product);
    if (integer_member(product.body, "reserved") != 0) {
        co_return failed(
            "product still sets units aside for it", "see the log of order and of product"
        );
    }
    co_return ok("settled with product's stock");
}

net::awaitable<Judgement> Purchase::count() {
    const Answer tally = co_await ask(Person::admin, "GET", sale_target() + "/audit", "", "");
    if (tally.status != 200) co_return failed(tally.described, see_order);
    const std::string found = fmt::format(
        "allotted {}, sold {}, held {}, remaining {}, released {}",
        integer_member(tally.body, "allotted"),
        integer_member(tally.body, "sold"),
        integer_member(tally.body, "held"),
        integer_member(tally.body, "remaining"),
        integer_member(tally.body, "released")
    );
    const json::Value& adds_up = member(tally.body, "adds_up");
    const bool is_right = adds_up.is_bool() && adds_up.get_bool() &&
                          integer_member(tally.body, "allotted") == 1 &&
                          integer_member(tally.body, "sold") == 1;
    if (!is_right) {
        co_return failed(found, "don't open a sale: run doorbuster audit and follow what it names");
    }
    co_return ok(found);
}

net::awaitable<bool> Purchase::sell() {
    bool good = co_await checks_.run("scratch product", prepare_product(), see_product);
    if (good) good = co_await checks_.run("sale of one unit", open_sale(), see_order);
    if (good) good = co_await checks_.run("purchase", buy(), see_order);
    if (good) good = co_await checks_.run("same key again", buy_again(), see_order);
    if (good) good = co_await checks_.run("payment", pay(), see_order);
    if (good) good = co_await checks_.run("second buyer", come_too_late(), see_order);
    if (good) good = co_await checks_.run("settlement", settle(), see_order);
    if (good) good = co_await checks_.run("counters", count(), see_order);
    co_return good;
}

net::awaitable<void> Purchase::make() {
    co_await sell();
    if (!scratch_.product.may_exist) co_return;
    co_await checks_.run_in_any_case(
        "cleaned up", clean_up(shop_, scratch_), "end the scratch sale and archive its product"
    );
}

/// A connection that holds the lock; nullptr if the database can't be asked. Throws if somebody
/// else holds it.
net::awaitable<std::shared_ptr<postgres::Connection>> lock(
    postgres::Pool& pool, net::Deadline deadline
) {
    std::shared_ptr<postgres::Connection> connection;
    bool is_ours = true;
    try {
        connection = co_await pool.acquire(deadline);
        const postgres::Parameters none;
        const auto row = co_await connection->query(lock_statement, none, deadline);
        is_ours = row.boolean(0, 0);
    } catch (const postgres::Error&) {
        // The database has rows of its own; without it the purchase will fail and say so.
        connection = nullptr;
    }
    if (!is_ours) throw std::runtime_error("another preflight is making its purchase");
    co_return connection;
}

net::awaitable<void> purchase_locked(
    Checks& checks, const Settings& settings, postgres::Pool& pool
) {
    const net::Executor executor = co_await net::asio::this_coro::executor;
    const auto held = co_await lock(pool, checks.deadline_in(lock_time));
    base::UuidGenerator ids;
    Purchase purchase(checks, executor, settings, ids.next(base::unix_now_ms()).to_string());
    co_await purchase.make();
}

}  // namespace

net::awaitable<void> check_purchase(
    Checks& checks, const Settings& settings, postgres::Pool& pool
) {
    checks.set_area("Smoke purchase");
    std::string why;
    try {
        co_await purchase_locked(checks, settings, pool);
    } catch (const std::exception& error) {
        why = error.what();
    }
    if (!why.empty()) {
        checks.add(
            "purchase", failed(why, "wait for the other one to end, or give auth's JWT_SIGNING_KEY")
        );
    }
}

}  // namespace cli::preflight
