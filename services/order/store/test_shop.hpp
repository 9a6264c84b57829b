#pragma once

#include <deque>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>

#include "base/timestamp.hpp"
#include "order/store/order_history_store.hpp"
#include "order/store/order_store.hpp"
#include "order/store/ordinary_order_store.hpp"
#include "order/store/payment_store.hpp"
#include "order/store/sale_store.hpp"
#include "order/store/work_store.hpp"
#include "postgres/migrate.hpp"

namespace order {

/// A migrated database for tests of the store, used as the room uses it: through the stores, with
/// the rights of the role `orders`. The owner's connection serves to look and to plant.
class TestShop {
  public:
    struct Terms {
        std::int64_t units = 10;
        std::int64_t units_per_customer = 2;
        std::int64_t holds_per_customer = 3;
        std::int64_t hold_ms = 60'000;
        std::int64_t starts_in_ms = -3'600'000;
        std::int64_t ends_in_ms = 3'600'000;
    };

    /// `owner_url` names a fresh database and its superuser.
    explicit TestShop(const std::string& owner_url, std::size_t connections_max = 4)
        : owner_(loop_.get_executor(), settings(owner_url, 2), nullptr),
          room_(loop_.get_executor(), settings(as_room(owner_url), connections_max), nullptr) {
        execute(
            "DO $$ DECLARE r text; BEGIN FOREACH r IN ARRAY ARRAY['orders', 'auditor'] LOOP "
            "IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = r) THEN "
            "EXECUTE 'CREATE ROLE ' || r || ' LOGIN'; END IF; END LOOP; END $$"
        );
        run(migrate());
        connection_ = run(room_.acquire(soon()));
    }

    static net::Deadline soon() { return net::deadline_in(std::chrono::seconds(30)); }

    template <class T>
    T run(net::awaitable<T> work) {
        std::exception_ptr failure;
        std::optional<T> value;
        net::asio::co_spawn(loop_, std::move(work), [&](std::exception_ptr error, T result) {
            failure = error;
            if (!error) value.emplace(std::move(result));
            loop_.stop();
        });
        loop_.restart();
        loop_.run_for(std::chrono::seconds(120));
        if (failure) std::rethrow_exception(failure);
        if (!value) throw std::runtime_error("the test's work did not end in time");
        return std::move(*value);
    }
    void run(net::awaitable<void> work) { run(with_value(std::move(work))); }

    base::Uuid new_id() { return ids_.next(base::unix_now_ms()); }

    base::Uuid make_sale(const Terms& terms) {
        const std::int64_t now = base::unix_now_ms();
        SaleStore::NewSale sale;
        sale.terms.id = new_id();
        sale.terms.product_id = new_id();
        sale.terms.name = "lamp";
        sale.terms.unit_price_cents = 1999;
        sale.terms.currency = "EUR";
        sale.terms.allotted = terms.units;
        sale.terms.units_per_customer = terms.units_per_customer;
        sale.terms.holds_per_customer = terms.holds_per_customer;
        sale.terms.hold_ms = terms.hold_ms;
        sale.terms.starts_at_ms = now + terms.starts_in_ms;
        sale.terms.ends_at_ms = now + terms.ends_in_ms;
        sale.created_by = new_id();
        sale.created_key = new_id();
        sale.fingerprint = new_id();
        run(sales.create(sale, soon()));
        run(sales.open(sale.terms.id, soon()));
        return sale.terms.id;
    }

    /// A take of a new customer with a new key.
    Take take(std::int32_t quantity = 1) { return take_of(new_id(), quantity); }
    Take take_of(const base::Uuid& customer, std::int32_t quantity = 1) {
        Take take;
        take.order_id = new_id();
        take.customer_id = customer;
        take.key = new_id();
        take.fingerprint = new_id();
        take.quantity = quantity;
        take.deadline_us = (base::unix_now_ms() + 60'000) * 1000;
        return take;
    }

    BatchResult apply(
        const base::Uuid& sale,
        const std::vector<Take>& takes,
        const std::vector<Return>& returns = {},
        std::int64_t fence = 0
    ) {
        return run(sales.apply(*connection_, sale, fence, BatchMode::lease, takes, returns, soon())
        );
    }

    PayStartResult begin(const Take& take, std::int64_t paying_ms = 60'000) {
        return run(payments.begin({{take.order_id, take.customer_id}}, paying_ms, soon())).at(0);
    }
    PayFinish finish(const Take& take, std::int32_t n, ChargeVerdict verdict) {
        return run(payments.finish({{take.order_id, n, verdict}}, soon())).at(0);
    }
    void pay(const Take& take) {
        const PayStartResult started = begin(take);
        if (started.outcome != PayStart::started) throw std::runtime_error("can't pay");
        finish(take, started.attempt.n, ChargeVerdict::approved);
    }

    OrderState state_of(const Take& take) {
        const auto found = run(orders.find(take.order_id, take.customer_id, soon()));
        if (!found) throw std::runtime_error("no such order");
        return found->state;
    }
    SaleStanding standing(const base::Uuid& sale) {
        return run(sales.read(sale, soon())).value().standing;
    }

    void execute(const std::string& sql) { run(execute_later(sql)); }
    /// The first column of the first row of a query without parameters.
    std::int64_t number(const std::string& sql) { return run(number_later(sql)); }
    std::string text(const std::string& sql) { return run(text_later(sql)); }

    /// What is wrong with a sale's history and sums; empty if nothing.
    std::string violations(const base::Uuid& sale) {
        const std::string id = "'" + sale.to_string() + "'";
        return text(
            "SELECT concat_ws('; ',"
            " (SELECT string_agg(seq || ': ' || problem, ', ')"
            "  FROM orders.sale_replay_v1(" +
            id +
            ", 0, 9000000000)),"
            " (SELECT 'units: ' || s.allotted || ' <> ' || u.remaining || ' + ' || t.units"
            "  FROM orders.sales s JOIN orders.sale_units u USING (sale_no), LATERAL ("
            "   SELECT coalesce(sum(quantity), 0) AS units FROM orders.sale_orders o"
            "   WHERE o.sale_no = s.sale_no AND o.state IN (0, 1, 2, 5)) t"
            "  WHERE s.id = " +
            id +
            " AND s.allotted <> u.remaining + t.units + u.released),"
            " (SELECT 'limit: ' || o.customer_id FROM orders.sales s"
            "  JOIN orders.sale_orders o USING (sale_no) WHERE s.id = " +
            id +
            "  GROUP BY s.id, o.customer_id HAVING count(*) > s.holds_per_customer OR"
            "  sum(o.quantity) FILTER (WHERE o.state IN (0, 1, 2, 5)) > s.units_per_customer"
            "  LIMIT 1),"
            " (SELECT 'came back twice: ' || x.id FROM orders.sales s"
            "  JOIN orders.sale_batches b USING (sale_no), unnest(b.returned) AS x (id)"
            "  WHERE s.id = " +
            id +
            " GROUP BY x.id HAVING count(*) > 1 LIMIT 1),"
            " (SELECT 'in no batch: ' || o.id FROM orders.sales s"
            "  JOIN orders.sale_orders o USING (sale_no)"
            "  LEFT JOIN orders.sale_batches b ON b.sale_no = o.sale_no AND b.seq = o.seq"
            "  WHERE s.id = " +
            id +
            " AND (b.seq IS NULL OR o.id <> ALL (b.taken)"
            "   OR (o.state IN (3, 4)) <> (o.returned_seq IS NOT NULL)) LIMIT 1))"
        );
    }

  private:
    static postgres::PoolSettings settings(const std::string& url, std::size_t connections_max) {
        postgres::PoolSettings settings;
        settings.url = url;
        settings.connections_max = connections_max;
        return settings;
    }
    static std::string as_room(std::string url) {
        const std::string owner = "//postgres@";
        return url.replace(url.find(owner), owner.size(), "//orders@");
    }
    /// The tree's folder, found from the program's place in its build folder.
    static std::string migrations() {
        auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
        while (!std::filesystem::exists(folder / "services/order/migrations")) {
            if (folder == folder.root_path()) throw std::runtime_error("no migrations folder");
            folder = folder.parent_path();
        }
        return folder / "services/order/migrations";
    }

    static net::awaitable<int> with_value(net::awaitable<void> work) {
        co_await std::move(work);
        co_return 0;
    }
    net::awaitable<void> migrate() {
        const auto steps = postgres::read_migrations(migrations());
        const auto connection = co_await owner_.acquire(soon());
        co_await postgres::migrate(*connection, "orders", steps, soon());
    }
    net::awaitable<void> execute_later(std::string sql) {
        const auto connection = co_await owner_.acquire(soon());
        co_await connection->run(sql, soon());
    }
    net::awaitable<postgres::Result> query_later(std::string sql) {
        sql_.push_back(std::move(sql));
        names_.push_back("test_" + std::to_string(names_.size()));
        const postgres::Statement statement{names_.back(), sql_.back()};
        const postgres::Parameters none;
        co_return co_await owner_.query(statement, none, soon());
    }
    net::awaitable<std::int64_t> number_later(std::string sql) {
        const auto result = co_await query_later(std::move(sql));
        co_return result.integer(0, 0);
    }
    net::awaitable<std::string> text_later(std::string sql) {
        const auto result = co_await query_later(std::move(sql));
        co_return std::string(result.text(0, 0));
    }

    net::asio::io_context loop_;
    postgres::Pool owner_;
    postgres::Pool room_;
    std::shared_ptr<postgres::Connection> connection_;
    base::UuidGenerator ids_;
    std::deque<std::string> sql_;
    std::deque<std::string> names_;

  public:
    postgres::Pool& room() { return room_; }
    net::Executor executor() { return loop_.get_executor(); }

    SaleStore sales{room_};
    OrderStore orders{room_};
    OrdinaryOrderStore ordinary_orders{room_};
    OrderHistoryStore history{room_};
    PaymentStore payments{room_};
    WorkStore work_items{room_};
};

}  // namespace order
