#include "postgres/pool.hpp"

#include <deque>
#include <exception>
#include <optional>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "base/assertion.hpp"
#include "base/random.hpp"
#include "logging/logging.hpp"
#include "net/backoff.hpp"
#include "postgres/connection.hpp"

namespace postgres {
namespace {

constexpr std::chrono::milliseconds rollback_timeout{1000};

std::uint64_t random_seed() {
    std::array<std::uint8_t, 8> bytes{};
    base::secure_random(bytes);
    std::uint64_t seed = 0;
    for (const auto byte : bytes) seed = seed << 8 | byte;
    return seed;
}

}  // namespace

/// Outlives the Pool as long as a handle or an opener of it is alive.
class Pool::Core : public std::enable_shared_from_this<Pool::Core> {
  public:
    using Owned = std::shared_ptr<LibpqConnection>;

    Core(net::Executor executor, PoolSettings settings, metrics::Registry* metrics)
        : executor_(executor),
          settings_(std::move(settings)),
          target_(std::make_shared<Target>(settings_)),
          statement_metrics_(std::make_shared<StatementMetrics>(metrics)),
          retry_timer_(executor),
          backoff_(
              std::chrono::milliseconds(settings_.reconnect_first_ms),
              std::chrono::milliseconds(settings_.reconnect_most_ms),
              random_seed()
          ) {
        DOORBUSTER_ASSERT(settings_.connections_max > 0);
        if (metrics != nullptr) {
            connections_gauge_ = &metrics->gauge(
                "doorbuster_postgres_connections", "Open connections to PostgreSQL"
            );
            waiting_gauge_ =
                &metrics->gauge("doorbuster_postgres_waiting", "Callers waiting for a connection");
            connect_failures_ = &metrics->counter(
                "doorbuster_postgres_connect_failures_total", "Connections that could not be opened"
            );
        }
    }

    net::awaitable<Owned> acquire(net::Deadline deadline);
    net::awaitable<void> transact(Pool::Work work, net::Deadline deadline);
    void close();
    std::size_t connections() const { return open_; }

  private:
    /// In the frame of its coroutine, which only the timer wakes: a destructor of a handle or of
    /// the pool never runs other coroutines, and a loop that is torn down takes them along.
    struct Waiter {
        Waiter(const net::Executor& executor, net::Deadline deadline) : timer(executor, deadline) {}

        net::asio::steady_timer timer;
        Owned connection = nullptr;
    };

    static net::awaitable<void> open_one(std::shared_ptr<Core> self);
    Owned take_idle();
    Owned lend(Owned connection);
    void give_back(Owned connection) noexcept;
    void hand_on(Owned connection);
    void drop(const Owned& connection);
    void start_openers(std::size_t waiting);
    void failed_to_open(const std::string& why);
    void strike_off(Waiter& waiter);
    bool away_for_long() const;
    void count();

    net::Executor executor_;
    PoolSettings settings_;
    std::shared_ptr<const Target> target_;
    std::shared_ptr<StatementMetrics> statement_metrics_;
    std::vector<Owned> idle_;  ///< the last used is handed out first
    std::deque<Waiter*> waiters_;
    std::size_t open_ = 0;  ///< idle or lent
    std::size_t openers_ = 0;
    bool closed_ = false;
    std::optional<net::SteadyClock::time_point> failing_since_;
    std::string last_failure_;
    net::asio::steady_timer retry_timer_;
    net::Backoff backoff_;
    prometheus::Gauge* connections_gauge_ = nullptr;
    prometheus::Gauge* waiting_gauge_ = nullptr;
    prometheus::Counter* connect_failures_ = nullptr;
};

net::awaitable<Pool::Core::Owned> Pool::Core::acquire(net::Deadline deadline) {
    if (closed_) throw Error("the pool is closed", Error::Effect::none);
    if (Owned idle = take_idle()) co_return lend(std::move(idle));
    if (waiters_.size() >= settings_.waiting_max) {
        throw Error("too many wait for a connection", Error::Effect::none);
    }
    start_openers(waiters_.size() + 1);
    if (away_for_long()) {
        throw Error("not reachable: " + last_failure_, Error::Effect::none);
    }
    if (open_ == 0) {
        const std::chrono::milliseconds patience(settings_.connect_timeout_ms);
        deadline = std::min(deadline, net::deadline_in(patience));
    }
    struct Leaving {
        Core& core;
        Waiter& waiter;
        ~Leaving() { core.strike_off(waiter); }
    };
    Waiter waiter(executor_, deadline);
    waiters_.push_back(&waiter);
    const Leaving leaving{*this, waiter};
    count();
    co_await waiter.timer.async_wait(net::asio::as_tuple(net::asio::use_awaitable));
    if (waiter.connection) co_return std::move(waiter.connection);
    const std::string why = last_failure_.empty() ? "all are in use" : last_failure_;
    throw Error("no connection came free in time: " + why, Error::Effect::none);
}

Pool::Core::Owned Pool::Core::take_idle() {
    while (!idle_.empty()) {
        Owned connection = std::move(idle_.back());
        idle_.pop_back();
        if (connection->still_alive()) return connection;
        drop(connection);
    }
    return nullptr;
}

/// The handle that a caller gets: its end brings the connection back.
Pool::Core::Owned Pool::Core::lend(Owned connection) {
    auto* raw = connection.get();
    return Owned(
        raw,
        [core = shared_from_this(), owned = std::move(connection)](LibpqConnection*) mutable {
            core->give_back(std::move(owned));
        }
    );
}

void Pool::Core::give_back(Owned connection) noexcept {
    if (closed_ || !connection->is_reusable()) {
        drop(connection);
        start_openers(waiters_.size());
    } else {
        hand_on(std::move(connection));
    }
}

void Pool::Core::hand_on(Owned connection) {
    if (waiters_.empty()) {
        idle_.push_back(std::move(connection));
        return;
    }
    Waiter& waiter = *waiters_.front();
    waiters_.pop_front();
    count();
    waiter.connection = lend(std::move(connection));
    waiter.timer.cancel();
}

void Pool::Core::drop(const Owned& connection) {
    connection->close();
    --open_;
    count();
}

void Pool::Core::strike_off(Waiter& waiter) {
    if (std::erase(waiters_, &waiter) > 0) count();
}

bool Pool::Core::away_for_long() const {
    const std::chrono::milliseconds limit(settings_.connect_timeout_ms);
    return open_ == 0 && failing_since_ && net::SteadyClock::now() - *failing_since_ >= limit;
}

/// As many attempts as callers wait, within the limit; a single one while attempts fail, which
/// goes on until the server is back.
void Pool::Core::start_openers(std::size_t waiting) {
    if (closed_) return;
    std::size_t wanted = std::min(settings_.connections_max - open_, waiting);
    if (failing_since_) wanted = std::min<std::size_t>(wanted, 1);
    while (openers_ < wanted) {
        ++openers_;
        net::asio::co_spawn(executor_, open_one(shared_from_this()), [](std::exception_ptr) {});
    }
}

net::awaitable<void> Pool::Core::open_one(std::shared_ptr<Core> self) {
    const std::chrono::milliseconds timeout(self->settings_.connect_timeout_ms);
    while (!self->closed_) {
        Owned connection;
        std::string failure;
        try {
            connection = co_await LibpqConnection::open(
                self->executor_, self->target_, self->statement_metrics_, net::deadline_in(timeout)
            );
        } catch (const std::exception& error) {
            failure = error.what();
        }
        if (self->closed_) break;
        if (connection) {
            --self->openers_;
            if (self->failing_since_) logging::info("postgres is reachable again");
            self->failing_since_.reset();
            self->last_failure_.clear();
            self->backoff_.reset();
            ++self->open_;
            self->count();
            self->hand_on(std::move(connection));
            self->start_openers(self->waiters_.size());
            co_return;
        }
        self->failed_to_open(failure);
        if (self->openers_ > 1) break;  // one goes on trying for all
        self->retry_timer_.expires_after(self->backoff_.next());
        co_await self->retry_timer_.async_wait(net::asio::as_tuple(net::asio::use_awaitable));
    }
    --self->openers_;
}

void Pool::Core::failed_to_open(const std::string& why) {
    if (connect_failures_ != nullptr) connect_failures_->Increment();
    if (!failing_since_) {
        failing_since_ = net::SteadyClock::now();
        logging::warning("postgres is not reachable", {{"why", why}});
    }
    last_failure_ = why;
}

/// BEGIN, work, COMMIT. Until COMMIT is sent nothing can have taken effect.
net::awaitable<void> Pool::Core::transact(Pool::Work work, net::Deadline deadline) {
    const Owned connection = co_await acquire(deadline);
    std::exception_ptr failure;
    try {
        co_await connection->run("BEGIN", deadline);
        co_await work(*connection);
        if (connection->in_failed_transaction()) {
            throw Error("COMMIT: a statement of it failed", Error::Effect::none);
        }
    } catch (const Error& error) {
        failure =
            std::make_exception_ptr(Error(error.what(), Error::Effect::none, error.sqlstate()));
    } catch (...) {
        failure = std::current_exception();
    }
    if (!failure) {
        co_await connection->run("COMMIT", deadline);
        co_return;
    }
    try {
        if (connection->is_open()) {
            co_await connection->run("ROLLBACK", net::deadline_in(rollback_timeout));
        }
    } catch (const Error&) {
        connection->close();  // the server rolls back what has no connection
    }
    std::rethrow_exception(failure);
}

void Pool::Core::close() {
    closed_ = true;
    retry_timer_.cancel();
    while (!idle_.empty()) {
        drop(idle_.back());
        idle_.pop_back();
    }
    for (Waiter* waiter : waiters_) waiter->timer.cancel();
}

void Pool::Core::count() {
    if (connections_gauge_ == nullptr) return;
    connections_gauge_->Set(static_cast<double>(open_));
    waiting_gauge_->Set(static_cast<double>(waiters_.size()));
}

Pool::Pool(net::Executor executor, PoolSettings settings, metrics::Registry* metrics)
    : core_(std::make_shared<Core>(std::move(executor), std::move(settings), metrics)) {}

Pool::~Pool() {
    core_->close();
}

net::awaitable<std::shared_ptr<Connection>> Pool::acquire(net::Deadline deadline) {
    const auto core = core_;
    std::shared_ptr<Connection> connection = co_await core->acquire(deadline);
    co_return connection;
}

net::awaitable<Result> Pool::query(
    const Statement& statement, const Parameters& parameters, net::Deadline deadline
) {
    const auto core = core_;
    const auto connection = co_await core->acquire(deadline);
    Result result = co_await connection->query(statement, parameters, deadline);
    co_return result;
}

net::awaitable<void> Pool::transact(Work work, net::Deadline deadline) {
    const auto core = core_;
    co_await core->transact(std::move(work), deadline);
}

void Pool::close() {
    core_->close();
}

std::size_t Pool::connections() const {
    return core_->connections();
}

}  // namespace postgres
