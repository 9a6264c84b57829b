#include "postgres/lock_holders.hpp"

#include <fmt/format.h>

namespace postgres {
namespace {

// Who isn't told of other roles' sessions sees neither times nor types of theirs: those that hold
// locks count, and of these only autovacuum has no role.
constexpr Statement find_lock_holders{
    "migrations_lock_holders",
    "SELECT a.pid::bigint, CASE WHEN v.is_autovacuum THEN 'autovacuum' ELSE"
    "   format('role %s, application ''%s'', %s', a.usename, a.application_name,"
    "          coalesce(a.state, a.backend_type)) END,"
    " extract(epoch FROM clock_timestamp() - a.xact_start)::bigint,"
    " bool_or(v.is_autovacuum) OVER (), bool_or(NOT v.is_autovacuum) OVER ()"
    " FROM pg_stat_activity AS a CROSS JOIN LATERAL (SELECT"
    "   coalesce(a.backend_type = 'autovacuum worker', a.usesysid IS NULL) AS is_autovacuum) AS v"
    " WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()"
    "   AND coalesce(a.xact_start <= clock_timestamp() - $3 * interval '1 millisecond',"
    "                a.state IS NULL)"
    "   AND (($2 AND a.backend_xmin IS NOT NULL) OR EXISTS ("
    "        SELECT FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation"
    "         WHERE l.pid = a.pid AND l.granted AND c.relnamespace = to_regnamespace($1)))"
    " ORDER BY a.xact_start, a.pid LIMIT 5"
};

}  // namespace

net::awaitable<LockHolders> lock_holders(
    Connection& connection,
    std::string schema,
    bool for_concurrent_index,
    std::int64_t waited_ms,
    net::Deadline deadline
) {
    Parameters parameters;
    parameters.text(schema).boolean(for_concurrent_index).int8(waited_ms);
    const Result found = co_await connection.query(find_lock_holders, parameters, deadline);
    LockHolders holders;
    holders.has_autovacuum = !found.empty() && found.boolean(0, 3);
    holders.has_others = !found.empty() && found.boolean(0, 4);
    for (std::size_t row = 0; row < found.rows(); ++row) {
        const auto seconds = found.optional_integer(row, 2);
        const std::string age =
            seconds ? fmt::format(", its transaction {} s old", *seconds) : std::string();
        holders.text += fmt::format(
            "{}process {} ({}{})",
            row == 0 ? "" : ", ",
            found.integer(row, 0),
            found.text(row, 1),
            age
        );
    }
    co_return holders;
}

}  // namespace postgres
