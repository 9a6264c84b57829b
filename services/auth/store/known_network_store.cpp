#include "auth/store/known_network_store.hpp"

namespace auth {
namespace {

using postgres::Parameters;
using postgres::Result;
using postgres::Statement;

constexpr Statement find_network{
    "find_known_network",
    "SELECT extract(epoch FROM clock_timestamp() - logged_in_at)::bigint"
    " FROM auth.known_networks WHERE account_id = $1 AND mark = $2"
    " AND logged_in_at > clock_timestamp() - $3 * interval '1 second'"
};
constexpr Statement remember_network{
    "remember_network",
    "INSERT INTO auth.known_networks (account_id, mark, logged_in_at)"
    " VALUES ($1, $2, clock_timestamp())"
    " ON CONFLICT (account_id, mark) DO UPDATE SET logged_in_at = clock_timestamp()"
};
// A statement of its own that waits for nobody: with the one above it would wait in a ring with
// another login that drops the network which this one renews.
constexpr Statement forget_oldest{
    "forget_oldest_networks",
    "DELETE FROM auth.known_networks WHERE account_id = $1 AND mark IN ("
    " SELECT mark FROM auth.known_networks WHERE account_id = $1"
    " ORDER BY logged_in_at DESC, mark OFFSET $2 FOR UPDATE SKIP LOCKED)"
};
constexpr Statement drop_networks{
    "drop_known_networks",
    "WITH dropped AS (DELETE FROM auth.known_networks WHERE (account_id, mark) IN ("
    " SELECT account_id, mark FROM auth.known_networks"
    " WHERE logged_in_at < clock_timestamp() - $1 * interval '1 second'"
    " LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING 1) SELECT count(*) FROM dropped"
};

}  // namespace

net::awaitable<std::optional<std::int64_t>> KnownNetworkStore::age_s(
    base::Uuid account_id, base::Uuid mark, net::Deadline deadline
) {
    Parameters parameters;
    parameters.uuid(account_id).uuid(mark).int8(network_known_s);
    const Result rows = co_await pool_.query(find_network, parameters, deadline);
    if (rows.empty()) co_return std::nullopt;
    co_return rows.integer(0, 0);
}

net::awaitable<void> KnownNetworkStore::remember(
    base::Uuid account_id, base::Uuid mark, net::Deadline deadline
) {
    Parameters network;
    network.uuid(account_id).uuid(mark);
    co_await pool_.query(remember_network, network, deadline);
    Parameters account;
    account.uuid(account_id).int8(known_networks_max);
    co_await pool_.query(forget_oldest, account, deadline);
}

net::awaitable<std::int64_t> KnownNetworkStore::drop_old(
    std::int64_t limit, net::Deadline deadline
) {
    Parameters parameters;
    parameters.int8(network_known_s).int8(limit);
    const Result dropped = co_await pool_.query(drop_networks, parameters, deadline);
    co_return dropped.integer(0, 0);
}

}  // namespace auth
