#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "metrics/metrics.hpp"
#include "net/net.hpp"
#include "postgres/error.hpp"
#include "postgres/parameters.hpp"
#include "postgres/result.hpp"
#include "postgres/statement.hpp"

namespace postgres {

struct PoolSettings {
    std::string url;  ///< postgresql://user:password@host:port/database; never logged
    std::string application_name;
    std::size_t connections_max = 4;
    std::size_t waiting_max = 1024;
    std::int64_t connect_timeout_ms = 2000;
    /// Server-side limits set on each connection.
    std::int64_t statement_timeout_ms = 5000;
    std::int64_t lock_timeout_ms = 3000;
    std::int64_t idle_in_transaction_timeout_ms = 5000;
    std::int64_t reconnect_first_ms = 50;
    std::int64_t reconnect_most_ms = 1000;
};

/// One connection: one statement at a time. Statements are prepared on first use.
class Connection {
  public:
    virtual ~Connection() = default;

    /// One statement in a transaction of its own (or inside the open one). Throws Error; past
    /// `deadline` it closes the connection and throws with Effect::unknown.
    virtual net::awaitable<Result> query(
        const Statement& statement, const Parameters& parameters, net::Deadline deadline
    ) = 0;

    /// Several statements without parameters (migrations, session settings); no result.
    virtual net::awaitable<void> run(std::string_view sql, net::Deadline deadline) = 0;

    virtual bool is_open() const = 0;
    /// The server's process id of this backend, to be found in pg_stat_activity.
    virtual int backend_pid() const = 0;
};

/// Connections of one process to one database. Opened on demand, kept, replaced with backoff when
/// broken; idle ones are checked for having been closed by the server before they are handed out.
class Pool {
  public:
    Pool(net::Executor executor, PoolSettings settings, metrics::Registry* metrics);
    ~Pool();
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    /// A connection of one's own until the handle is destroyed; throws Error (Effect::none) when
    /// none came free or could be opened before the deadline.
    net::awaitable<std::shared_ptr<Connection>> acquire(net::Deadline deadline);

    /// acquire + query.
    net::awaitable<Result> query(
        const Statement& statement, const Parameters& parameters, net::Deadline deadline
    );

    /// BEGIN, `work`, COMMIT; ROLLBACK if it throws. A COMMIT without an answer throws with
    /// Effect::unknown; inside `work` errors are Effect::none, as nothing is committed yet.
    using Work = std::function<net::awaitable<void>(Connection&)>;
    net::awaitable<void> transact(Work work, net::Deadline deadline);

    /// Closes idle connections now and the rest when they come back.
    void close();

    std::size_t connections() const;

  private:
    class Core;
    std::shared_ptr<Core> core_;
};

}  // namespace postgres
