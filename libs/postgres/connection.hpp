#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <libpq-fe.h>

#include "postgres/pool.hpp"
#include "postgres/target.hpp"

namespace postgres {

/// The series of one program's statements; shared by the connections of a pool.
class StatementMetrics {
  public:
    /// `registry` may be null: nothing is recorded then.
    explicit StatementMetrics(metrics::Registry* registry) : registry_(registry) {}

    prometheus::Histogram* seconds(std::string_view statement);

  private:
    metrics::Registry* registry_;
};

/// libpq in non-blocking mode on the loop. A deadline that passes closes the socket: the statement
/// is neither cancelled nor waited for. Used by one coroutine at a time; lives on one loop.
class LibpqConnection final : public Connection,
                              public std::enable_shared_from_this<LibpqConnection> {
  public:
    /// Throws Error (Effect::none).
    static net::awaitable<std::shared_ptr<LibpqConnection>> open(
        net::Executor executor,
        std::shared_ptr<const Target> target,
        std::shared_ptr<StatementMetrics> metrics,
        net::Deadline deadline
    );

    LibpqConnection(net::Executor executor, std::shared_ptr<StatementMetrics> metrics);
    ~LibpqConnection() override;
    LibpqConnection(const LibpqConnection&) = delete;
    LibpqConnection& operator=(const LibpqConnection&) = delete;

    net::awaitable<Result> query(
        const Statement& statement, const Parameters& parameters, net::Deadline deadline
    ) override;
    net::awaitable<void> run(std::string_view sql, net::Deadline deadline) override;
    bool is_open() const override { return raw_ != nullptr; }
    int backend_pid() const override { return backend_pid_; }

    /// True if the next caller may have it: idle, outside a transaction.
    bool is_reusable() const;
    /// Looks at the socket, without waiting, for a server that closed an idle connection.
    bool still_alive();
    bool in_failed_transaction() const;
    void close();

  private:
    struct Prepared {
        std::string sql;
        prometheus::Histogram* seconds = nullptr;
    };
    class InUse;

    net::awaitable<void> connect(const Target& target, net::Deadline deadline);
    net::awaitable<const Prepared*> prepare(
        const Statement& statement, const Parameters& parameters
    );
    net::awaitable<Result> exchange(std::string_view what);
    net::awaitable<void> flush(std::string_view what);
    net::awaitable<void> read_more(std::string_view what);
    net::awaitable<bool> wait_for(net::asio::posix::stream_descriptor::wait_type readiness);
    void watch(net::Deadline deadline);
    void on_watch_timer(boost::system::error_code error);
    void require_ready(std::string_view what, net::Deadline deadline) const;
    void require_sent(int sent, std::string_view what);
    Error server_error(std::string_view what, const PGresult* result);
    [[noreturn]] void lost(std::string_view what);
    std::string connection_message() const;
    static void receive_notice(void* self, const PGresult* notice);

    PGconn* raw_ = nullptr;
    int backend_pid_ = 0;
    bool in_use_ = false;
    bool doomed_ = false;  ///< not to be handed out again
    bool timed_out_ = false;
    net::asio::posix::stream_descriptor socket_;

    /// One timer for all statements: it stays armed across them and looks at `deadline_` when it
    /// fires, so that a statement in time costs no timer operation.
    net::asio::steady_timer timer_;
    net::Deadline deadline_{};
    std::optional<net::Deadline> armed_for_;

    std::shared_ptr<StatementMetrics> metrics_;
    std::unordered_map<std::string, Prepared> prepared_;
    std::vector<const char*> values_;
    std::vector<int> lengths_;
    std::vector<int> formats_;
};

}  // namespace postgres
