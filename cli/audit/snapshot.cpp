#include "cli/audit/snapshot.hpp"

namespace cli {

net::awaitable<Snapshot> Snapshot::open(postgres::Pool& pool) {
    const auto deadline = net::deadline_in(snapshot_timeout);
    auto connection = co_await pool.acquire(deadline);
    co_await connection->run(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
        "SET LOCAL statement_timeout = '120s';"
        "SET LOCAL idle_in_transaction_session_timeout = '120s';"
        "SET LOCAL work_mem = '64MB'",
        deadline
    );
    co_return Snapshot(std::move(connection));
}

net::awaitable<postgres::Result> Snapshot::query(
    const postgres::Statement& statement, const postgres::Parameters& parameters
) {
    const auto deadline = net::deadline_in(snapshot_timeout);
    co_return co_await connection_->query(statement, parameters, deadline);
}

net::awaitable<void> Snapshot::close() {
    co_await connection_->run("COMMIT", net::deadline_in(snapshot_timeout));
    connection_.reset();
}

}  // namespace cli
