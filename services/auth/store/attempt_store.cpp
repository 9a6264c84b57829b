#include "auth/store/attempt_store.hpp"

#include <algorithm>

namespace auth {
namespace {

using postgres::Parameters;
using postgres::Result;
using postgres::Statement;

constexpr Statement find_attempts{
    "find_attempts",
    "SELECT subject, level,"
    " (1000 * extract(epoch FROM clock_timestamp() - counted_at))::bigint"
    " FROM auth.attempts WHERE subject = ANY ($1::uuid[])"
};
// Never above what the bucket holds, or attempts sent all at once would fill it for hours.
constexpr Statement add_attempt{
    "add_attempt",
    "INSERT INTO auth.attempts AS a (subject, level, counted_at)"
    " VALUES ($1, 1, clock_timestamp()) ON CONFLICT (subject) DO UPDATE SET"
    " level = least($2, 1 + greatest(0, a.level"
    "   - 1000 * extract(epoch FROM clock_timestamp() - a.counted_at)::float8 / $3)),"
    " counted_at = clock_timestamp()"
};
constexpr Statement forget_attempts{
    "forget_attempts", "DELETE FROM auth.attempts WHERE subject = $1"
};
constexpr Statement drop_attempts{
    "drop_attempts",
    "WITH dropped AS (DELETE FROM auth.attempts WHERE subject IN ("
    " SELECT subject FROM auth.attempts"
    " WHERE counted_at < clock_timestamp() - $1 * interval '1 millisecond'"
    " LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING 1) SELECT count(*) FROM dropped"
};

}  // namespace

net::awaitable<std::int64_t> AttemptStore::wait_ms(
    std::vector<Counted> counted, net::Deadline deadline
) {
    std::vector<base::Uuid> subjects;
    for (const Counted& one : counted) subjects.push_back(one.subject);
    Parameters parameters;
    parameters.uuid_array(subjects);
    const Result rows = co_await pool_.query(find_attempts, parameters, deadline);
    std::int64_t longest_ms = 0;
    for (std::size_t row = 0; row < rows.rows(); ++row) {
        const auto one = std::ranges::find(counted, rows.uuid(row, 0), &Counted::subject);
        if (one == counted.end()) continue;
        const Attempts attempts{rows.number(row, 1), rows.integer(row, 2)};
        longest_ms = std::max(longest_ms, attempt_wait_ms(attempts, one->pace));
    }
    co_return longest_ms;
}

net::awaitable<void> AttemptStore::add(std::vector<Counted> counted, net::Deadline deadline) {
    // A statement each: two that change the same rows in another order would wait in a ring.
    for (const Counted& one : counted) {
        Parameters parameters;
        parameters.uuid(one.subject)
            .number(one.pace.attempts_max)
            .number(static_cast<double>(one.pace.drain_ms));
        co_await pool_.query(add_attempt, parameters, deadline);
    }
}

net::awaitable<void> AttemptStore::forget(base::Uuid subject, net::Deadline deadline) {
    Parameters parameters;
    parameters.uuid(subject);
    co_await pool_.query(forget_attempts, parameters, deadline);
}

net::awaitable<std::int64_t> AttemptStore::drop_old(std::int64_t limit, net::Deadline deadline) {
    Parameters parameters;
    parameters.int8(attempts_kept_ms).int8(limit);
    const Result dropped = co_await pool_.query(drop_attempts, parameters, deadline);
    co_return dropped.integer(0, 0);
}

}  // namespace auth
