#pragma once

#include <memory>

#include "net/net.hpp"
#include "postgres/pool.hpp"

namespace cli {

/// How long one audit statement may take, and so how long a snapshot may hold old rows alive.
inline constexpr std::chrono::seconds snapshot_timeout{120};

/// One REPEATABLE READ, READ ONLY transaction on a connection of its own. Ends with the connection:
/// nothing is ever written, so nothing needs a commit.
class Snapshot {
  public:
    static net::awaitable<Snapshot> open(postgres::Pool& pool);

    net::awaitable<postgres::Result> query(
        const postgres::Statement& statement, const postgres::Parameters& parameters
    );
    net::awaitable<void> close();

  private:
    explicit Snapshot(std::shared_ptr<postgres::Connection> connection)
        : connection_(std::move(connection)) {}

    std::shared_ptr<postgres::Connection> connection_;
};

}  // namespace cli
