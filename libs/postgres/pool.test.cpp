#include "postgres/pool.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <gtest/gtest.h>

#include "net/event.hpp"
#include "postgres/connection.hpp"
#include "testing/run_on_loop.hpp"
#include "testing/temporary_postgres.hpp"

namespace postgres {
namespace {

using std::chrono::milliseconds;

constexpr Statement select_one{"select_one", "SELECT 1::integer"};
constexpr Statement sleep_long{"sleep_long", "SELECT pg_sleep(30)"};

net::Deadline soon() {
    return net::deadline_in(std::chrono::seconds(20));
}

PoolSettings settings_of(const std::string& url, std::size_t connections_max = 4) {
    PoolSettings settings;
    settings.url = url;
    settings.application_name = "pool_test";
    settings.connections_max = connections_max;
    return settings;
}

class PostgresPool : public ::testing::Test {
  protected:
    template <class T>
    T run(net::awaitable<T> work) {
        return ::testing::run_on_loop(loop_, std::move(work));
    }

    /// What a call threw; the test fails if it did not.
    template <class T>
    Error error_of(net::awaitable<T> work) {
        try {
            run(std::move(work));
        } catch (const Error& error) {
            return error;
        }
        ADD_FAILURE() << "an error was expected";
        return Error("none", Error::Effect::none);
    }

    std::int64_t number(Pool& pool, const Statement& statement) {
        return run(pool.query(statement, {}, soon())).integer(0, 0);
    }

    net::asio::io_context loop_;
    std::string url_ = ::testing::make_database("pool");
};

TEST_F(PostgresPool, SetsTheLimitsOfTheServer) {
    auto settings = settings_of(url_);
    settings.statement_timeout_ms = 1234;
    Pool pool(loop_.get_executor(), settings, nullptr);
    const auto row = run(pool.query(
        {"settings",
         "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'),"
         " current_setting('idle_in_transaction_session_timeout'),"
         " current_setting('application_name'), current_setting('client_min_messages')"},
        {},
        soon()
    ));
    EXPECT_EQ(row.text(0, 0), "1234ms");
    EXPECT_EQ(row.text(0, 1), "3s");
    EXPECT_EQ(row.text(0, 2), "5s");
    EXPECT_EQ(row.text(0, 3), "pool_test");
    EXPECT_EQ(row.text(0, 4), "warning");
}

TEST_F(PostgresPool, ResolvesNames) {
    auto url = url_;
    url.replace(url.find("127.0.0.1"), 9, "localhost");
    Pool pool(loop_.get_executor(), settings_of(url), nullptr);
    EXPECT_EQ(number(pool, select_one), 1);
}

TEST_F(PostgresPool, AnErrorOfTheServerKeepsTheConnection) {
    Pool pool(loop_.get_executor(), settings_of(url_), nullptr);
    const auto division = error_of(pool.query({"division", "SELECT 1 / 0"}, {}, soon()));
    EXPECT_EQ(division.sqlstate(), "22012");
    EXPECT_EQ(division.effect(), Error::Effect::none);
    const auto syntax = error_of(pool.query({"syntax", "SELEC 1"}, {}, soon()));
    EXPECT_EQ(syntax.sqlstate(), "42601");
    run(pool.query(
        {"make_one", "CREATE TABLE one (id integer PRIMARY KEY CHECK (id > 0))"}, {}, soon()
    ));
    run(pool.query({"insert_one", "INSERT INTO one VALUES (1)"}, {}, soon()));
    EXPECT_TRUE(error_of(pool.query({"insert_one", "INSERT INTO one VALUES (1)"}, {}, soon()))
                    .is_unique_violation());
    EXPECT_TRUE(error_of(pool.query({"insert_bad", "INSERT INTO one VALUES (0)"}, {}, soon()))
                    .is_check_violation());
    EXPECT_EQ(pool.connections(), 1u);
}

TEST_F(PostgresPool, ErrorTextsCarryNoRowValues) {
    Pool pool(loop_.get_executor(), settings_of(url_), nullptr);
    run(pool.query({"make_secret", "CREATE TABLE secret (id text PRIMARY KEY)"}, {}, soon()));
    Parameters parameters;
    parameters.text("hidden-value");
    const Statement insert{"insert_secret", "INSERT INTO secret VALUES ($1)"};
    run(pool.query(insert, parameters, soon()));
    const auto error = error_of(pool.query(insert, parameters, soon()));
    EXPECT_EQ(std::string(error.what()).find("hidden-value"), std::string::npos) << error.what();
}

TEST_F(PostgresPool, AFailedDeferredConstraintIsNotASuccess) {
    Pool pool(loop_.get_executor(), settings_of(url_), nullptr);
    run(pool.query({"make_parent", "CREATE TABLE parent (id integer PRIMARY KEY)"}, {}, soon()));
    run(pool.query(
        {"make_child",
         "CREATE TABLE child (id integer REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"},
        {},
        soon()
    ));
    // The server reports the row first and the failed commit after it.
    const auto error = error_of(
        pool.query({"insert_child", "INSERT INTO child VALUES (1) RETURNING id"}, {}, soon())
    );
    EXPECT_EQ(error.sqlstate(), "23503");
    EXPECT_EQ(error.effect(), Error::Effect::none);
}

TEST_F(PostgresPool, ATimeoutClosesTheConnectionAndIsUnknown) {
    Pool pool(loop_.get_executor(), settings_of(url_), nullptr);
    auto connection = run(pool.acquire(soon()));
    const int backend = connection->backend_pid();
    const auto began = net::SteadyClock::now();
    const auto error =
        error_of(connection->query(sleep_long, {}, net::deadline_in(milliseconds(200))));
    EXPECT_EQ(error.effect(), Error::Effect::unknown);
    EXPECT_EQ(error.sqlstate(), "");
    EXPECT_LT(net::SteadyClock::now() - began, std::chrono::seconds(3));
    EXPECT_FALSE(connection->is_open());
    connection.reset();
    EXPECT_EQ(pool.connections(), 0u);

    auto next = run(pool.acquire(soon()));
    EXPECT_NE(next->backend_pid(), backend);
    const auto closed = error_of(next->query(select_one, {}, net::deadline_in(milliseconds(-1))));
    EXPECT_EQ(closed.effect(), Error::Effect::none) << "nothing was sent";
}

TEST_F(PostgresPool, DeadlinesOfLaterStatementsHold) {
    Pool pool(loop_.get_executor(), settings_of(url_), nullptr);
    auto connection = run(pool.acquire(soon()));
    // The timer stays armed for an early deadline of a statement that was in time.
    run(connection->query(select_one, {}, net::deadline_in(milliseconds(100))));
    const auto slow =
        run(connection->query({"sleep_short", "SELECT 1 FROM pg_sleep(0.3)"}, {}, soon()));
    EXPECT_EQ(slow.rows(), 1u);
    run(connection->query(select_one, {}, soon()));
    const auto error =
        error_of(connection->query(sleep_long, {}, net::deadline_in(milliseconds(150))));
    EXPECT_EQ(error.effect(), Error::Effect::unknown);
}

TEST_F(PostgresPool, AKilledBackendIsUnknownAndReplaced) {
    Pool pool(loop_.get_executor(), settings_of(url_), nullptr);
    auto victim = run(pool.acquire(soon()));
    Parameters pid;
    pid.int4(victim->backend_pid());
    const Parameters nothing;
    std::optional<Error> failure;
    bool done = false;
    net::asio::co_spawn(
        loop_,
        victim->query(sleep_long, nothing, soon()),
        [&](std::exception_ptr error, const Result&) {
            done = true;
            try {
                if (error) std::rethrow_exception(error);
            } catch (const Error& caught) {
                failure = caught;
            }
        }
    );
    run(pool.query({"terminate", "SELECT pg_terminate_backend($1)"}, pid, soon()));
    while (!done) loop_.run_one();
    ASSERT_TRUE(failure.has_value());
    EXPECT_EQ(failure->effect(), Error::Effect::unknown);
    EXPECT_EQ(failure->sqlstate(), "57P01");
    victim.reset();
    EXPECT_EQ(pool.connections(), 1u);
}

TEST_F(PostgresPool, IdleConnectionsThatTheServerClosedAreNotHandedOut) {
    Pool pool(loop_.get_executor(), settings_of(url_), nullptr);
    auto idle = run(pool.acquire(soon()));
    Parameters pid;
    pid.int4(idle->backend_pid());
    auto killer = run(pool.acquire(soon()));
    idle.reset();
    run(killer->query({"terminate_and_wait", "SELECT pg_terminate_backend($1, 5000)"}, pid, soon())
    );
    EXPECT_EQ(pool.connections(), 2u);
    EXPECT_EQ(number(pool, select_one), 1);
}

TEST_F(PostgresPool, HandsOutAtMostConnectionsMax) {
    Pool pool(loop_.get_executor(), settings_of(url_, 2), nullptr);
    auto first = run(pool.acquire(soon()));
    auto second = run(pool.acquire(soon()));
    const auto error = error_of(pool.acquire(net::deadline_in(milliseconds(100))));
    EXPECT_EQ(error.effect(), Error::Effect::none);
    EXPECT_EQ(pool.connections(), 2u);

    std::shared_ptr<Connection> third;
    net::asio::co_spawn(
        loop_,
        pool.acquire(soon()),
        [&](std::exception_ptr, std::shared_ptr<Connection> got) { third = std::move(got); }
    );
    loop_.restart();
    loop_.poll();
    EXPECT_FALSE(third);
    const int pid = second->backend_pid();
    second.reset();
    while (!third) loop_.run_one();
    EXPECT_EQ(third->backend_pid(), pid);
}

TEST_F(PostgresPool, BoundsTheQueue) {
    auto settings = settings_of(url_, 1);
    settings.waiting_max = 1;
    Pool pool(loop_.get_executor(), settings, nullptr);
    auto only = run(pool.acquire(soon()));
    net::asio::co_spawn(loop_, pool.acquire(soon()), net::asio::detached);
    loop_.restart();
    loop_.poll();
    const auto error = error_of(pool.acquire(soon()));
    EXPECT_NE(std::string(error.what()).find("too many"), std::string::npos) << error.what();
}

TEST_F(PostgresPool, AConnectionLeftInATransactionIsNotReused) {
    Pool pool(loop_.get_executor(), settings_of(url_, 1), nullptr);
    auto connection = run(pool.acquire(soon()));
    const int pid = connection->backend_pid();
    run(connection->run("BEGIN", soon()));
    connection.reset();
    EXPECT_NE(run(pool.acquire(soon()))->backend_pid(), pid);
}

net::awaitable<void> insert_item(Connection& connection) {
    co_await connection.query({"insert_item", "INSERT INTO item VALUES (1)"}, {}, soon());
}

net::awaitable<void> insert_and_fail(Connection& connection) {
    co_await insert_item(connection);
    throw std::logic_error("changed my mind");
}

net::awaitable<void> insert_and_swallow(Connection& connection) {
    co_await insert_item(connection);
    try {
        co_await connection.query({"bad_item", "INSERT INTO item VALUES (NULL)"}, {}, soon());
    } catch (const Error&) {
        co_return;
    }
}

net::awaitable<void> insert_and_time_out(Connection& connection) {
    co_await insert_item(connection);
    co_await connection.query(sleep_long, {}, net::deadline_in(milliseconds(100)));
}

TEST_F(PostgresPool, TransactCommitsOrRollsBack) {
    Pool pool(loop_.get_executor(), settings_of(url_), nullptr);
    constexpr Statement count{"count_items", "SELECT count(*) FROM item"};
    run(pool.query({"make_item", "CREATE TABLE item (id integer NOT NULL)"}, {}, soon()));
    run(pool.transact(insert_item, soon()));
    EXPECT_EQ(number(pool, count), 1);

    EXPECT_THROW(run(pool.transact(insert_and_fail, soon())), std::logic_error);
    EXPECT_EQ(number(pool, count), 1);

    const auto swallowed = error_of(pool.transact(insert_and_swallow, soon()));
    EXPECT_EQ(swallowed.effect(), Error::Effect::none);
    EXPECT_EQ(number(pool, count), 1);

    const auto timed_out = error_of(pool.transact(insert_and_time_out, soon()));
    EXPECT_EQ(timed_out.effect(), Error::Effect::none) << "COMMIT was not sent";
    EXPECT_EQ(number(pool, count), 1);
}

net::awaitable<void> many_queries(Pool& pool, int times, int& done) {
    for (int index = 0; index < times; ++index) {
        co_await pool.query(select_one, {}, soon());
        ++done;
    }
}

TEST_F(PostgresPool, ManyCallersShareFewConnections) {
    Pool pool(loop_.get_executor(), settings_of(url_, 3), nullptr);
    int done = 0;
    for (int caller = 0; caller < 50; ++caller) {
        net::asio::co_spawn(loop_, many_queries(pool, 20, done), net::asio::detached);
    }
    while (done < 1000) loop_.run_one();
    EXPECT_EQ(pool.connections(), 3u);
}

TEST(PostgresPoolUrl, ABadUrlIsNotRepeatedInTheError) {
    net::asio::io_context loop;
    try {
        Pool pool(loop.get_executor(), settings_of("postgresql://me:tops3cret@[::1"), nullptr);
        FAIL() << "accepted";
    } catch (const std::invalid_argument& error) {
        EXPECT_EQ(std::string(error.what()).find("tops3cret"), std::string::npos);
    }
}

/// A server of one's own, to be stopped.
class PostgresRestart : public PostgresPool {
  protected:
    ::testing::TemporaryPostgres server_;
};

TEST_F(PostgresRestart, RecoversFromARestart) {
    auto settings = settings_of(server_.url());
    settings.connect_timeout_ms = 300;
    Pool pool(loop_.get_executor(), settings, nullptr);
    auto held = run(pool.acquire(soon()));
    EXPECT_EQ(number(pool, select_one), 1);
    server_.stop_immediately();

    const auto in_use = error_of(held->query(select_one, {}, soon()));
    EXPECT_EQ(in_use.effect(), Error::Effect::unknown);
    held.reset();
    const auto began = net::SteadyClock::now();
    const auto away = error_of(pool.query(select_one, {}, soon()));
    EXPECT_EQ(away.effect(), Error::Effect::none);
    EXPECT_LT(net::SteadyClock::now() - began, std::chrono::seconds(2));

    // Away for longer than the patience of a caller: nobody waits any more.
    run(net::sleep_for(milliseconds(400)));
    const auto later = net::SteadyClock::now();
    const auto at_once = error_of(pool.query(select_one, {}, soon()));
    EXPECT_EQ(at_once.effect(), Error::Effect::none);
    EXPECT_LT(net::SteadyClock::now() - later, milliseconds(100));

    server_.start();
    const auto end = net::deadline_in(std::chrono::seconds(20));
    bool back = false;
    while (!back && net::SteadyClock::now() < end) {
        try {
            back = number(pool, select_one) == 1;
        } catch (const Error&) {
            run(net::sleep_for(milliseconds(20)));
        }
    }
    EXPECT_TRUE(back);
}

TEST_F(PostgresRestart, BrokenIdleConnectionsDoNotReachCallers) {
    Pool pool(loop_.get_executor(), settings_of(server_.url()), nullptr);
    {
        auto first = run(pool.acquire(soon()));
        auto second = run(pool.acquire(soon()));
    }
    EXPECT_EQ(pool.connections(), 2u);
    server_.stop_immediately();
    server_.start();
    EXPECT_EQ(number(pool, select_one), 1);
    EXPECT_EQ(pool.connections(), 1u);
}

TEST_F(PostgresPool, AServerThatNeverAnswersTimesOut) {
    // Accepted by the kernel's backlog, never by anybody.
    net::asio::io_context other;
    net::asio::ip::tcp::acceptor silent(other, {net::asio::ip::make_address("127.0.0.1"), 0});
    const auto port = silent.local_endpoint().port();
    auto settings = settings_of("postgresql://x@127.0.0.1:" + std::to_string(port) + "/x");
    settings.connect_timeout_ms = 200;
    Pool pool(loop_.get_executor(), settings, nullptr);
    const auto began = net::SteadyClock::now();
    EXPECT_EQ(error_of(pool.acquire(soon())).effect(), Error::Effect::none);
    EXPECT_LT(net::SteadyClock::now() - began, std::chrono::seconds(2));
}

TEST_F(PostgresPool, ClosingFailsWhoWaits) {
    Pool pool(loop_.get_executor(), settings_of(url_, 1), nullptr);
    auto only = run(pool.acquire(soon()));
    bool failed = false;
    net::asio::co_spawn(
        loop_,
        pool.acquire(soon()),
        [&](std::exception_ptr error, const std::shared_ptr<Connection>&) {
            failed = error != nullptr;
        }
    );
    loop_.restart();
    loop_.poll();
    pool.close();
    loop_.restart();
    loop_.poll();
    EXPECT_TRUE(failed);
    only.reset();
    EXPECT_EQ(pool.connections(), 0u);
    EXPECT_EQ(error_of(pool.acquire(soon())).effect(), Error::Effect::none);
    // Nothing is left that would keep the loop from ending.
    loop_.restart();
    loop_.run_for(std::chrono::seconds(5));
    EXPECT_TRUE(loop_.stopped());
}

TEST_F(PostgresPool, ItsDestructorRunsNobodyElse) {
    auto pool = std::make_unique<Pool>(loop_.get_executor(), settings_of(url_, 1), nullptr);
    const auto only = run(pool->acquire(soon()));
    bool failed = false;
    net::asio::co_spawn(
        loop_,
        pool->acquire(soon()),
        [&](std::exception_ptr error, const std::shared_ptr<Connection>&) {
            failed = error != nullptr;
        }
    );
    loop_.restart();
    loop_.poll();
    pool.reset();
    EXPECT_FALSE(failed) << "what the waiter uses may be gone already";
    loop_.restart();
    loop_.poll();
    EXPECT_TRUE(failed);
}

TEST_F(PostgresPool, ALoopTakesAlongWhoWaitsAndWhatOpens) {
    const auto token = std::make_shared<int>();
    for (const std::string host : {"127.0.0.1", "localhost"}) {
        net::asio::io_context loop;
        net::asio::ip::tcp::acceptor silent(loop_, {net::asio::ip::make_address("127.0.0.1"), 0});
        const auto port = std::to_string(silent.local_endpoint().port());
        const auto settings = settings_of("postgresql://x@" + host + ":" + port + "/x");
        Pool pool(loop.get_executor(), settings, nullptr);
        net::asio::co_spawn(loop, pool.acquire(soon()), [token](std::exception_ptr, const auto&) {
        });
        loop.poll();
        EXPECT_GT(token.use_count(), 1);
    }
    EXPECT_EQ(token.use_count(), 1);
}

}  // namespace
}  // namespace postgres
