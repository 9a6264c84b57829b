#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>

#include "base/timestamp.hpp"
#include "base/uuid.hpp"
#include "payment/store/charge_ledger.hpp"
#include "payment/store/webhook_outbox.hpp"
#include "postgres/migrate.hpp"
#include "testing/run_on_loop.hpp"
#include "testing/temporary_postgres.hpp"

namespace payment {

/// A migrated database for tests, used as the room uses it: with the rights of the role `payment`.
/// The owner's connection serves to look and to plant.
class TestSandbox {
  public:
    TestSandbox() : owner_url_(::testing::make_database("payment")) {
        owner_ =
            std::make_unique<postgres::Pool>(loop.get_executor(), settings("postgres", 2), nullptr);
        const auto connection = run(owner_->acquire(soon()));
        for (const auto* role : {"payment", "auditor"}) {
            run(connection->run(
                std::string("DO $$ BEGIN CREATE ROLE ") + role +
                    " LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
                soon()
            ));
        }
        run(postgres::migrate(
            *connection, "sandbox", postgres::read_migrations(PAYMENT_MIGRATIONS), soon()
        ));
        room =
            std::make_unique<postgres::Pool>(loop.get_executor(), settings("payment", 8), nullptr);
    }

    static net::Deadline soon() { return net::deadline_in(std::chrono::seconds(30)); }

    template <class T>
    T run(net::awaitable<T> work) {
        return ::testing::run_on_loop(loop, std::move(work));
    }

    /// A charge of `method` with times short enough for tests.
    ChargeLedger::NewCharge charge(
        const std::string& key, const std::string& method, std::int64_t amount_cents = 4900
    ) {
        const Timings timings{.slow_verdict_ms = 30, .webhook_lead_ms = 30, .late_webhook_ms = 60};
        return {
            {key, amount_cents, "EUR", method},
            script_of(method, timings).value(),
            ids.next(base::unix_now_ms())
        };
    }
    ChargeLedger::Entered enter(const ChargeLedger::NewCharge& charge) {
        ChargeLedger ledger(*room);
        const std::vector<ChargeLedger::NewCharge> charges{charge};
        return run(ledger.charge(charges, soon())).at(0);
    }
    ChargeState state_of(const std::string& key) {
        ChargeLedger ledger(*room);
        return run(ledger.find(key, soon())).value().state;
    }

    std::int64_t number(const std::string& sql) { return run(query(sql)).integer(0, 0); }
    void execute(const std::string& sql) { run(execute_later(sql)); }
    void wait_ms(std::int64_t time_ms) {
        number("SELECT 1 FROM pg_sleep(" + std::to_string(time_ms) + " / 1000.0)");
    }

    net::asio::io_context loop;
    base::UuidGenerator ids;
    std::unique_ptr<postgres::Pool> room;

  private:
    postgres::PoolSettings settings(const std::string& role, std::size_t connections_max) const {
        postgres::PoolSettings settings;
        settings.url = owner_url_;
        settings.url.replace(settings.url.find("postgres@"), 8, role);
        settings.connections_max = connections_max;
        return settings;
    }
    net::awaitable<void> execute_later(std::string sql) {
        const auto connection = co_await owner_->acquire(soon());
        co_await connection->run(sql, soon());
    }
    net::awaitable<postgres::Result> query(std::string sql) {
        sql_.push_back(std::move(sql));
        names_.push_back("test_" + std::to_string(names_.size()));
        const postgres::Statement statement{names_.back(), sql_.back()};
        const postgres::Parameters none;
        co_return co_await owner_->query(statement, none, soon());
    }

    std::string owner_url_;
    std::unique_ptr<postgres::Pool> owner_;
    std::deque<std::string> sql_;
    std::deque<std::string> names_;
};

}  // namespace payment
