#include "auth/store/session_store.hpp"

#include "auth/store/account_rows.hpp"

namespace auth {
namespace {

using postgres::Connection;
using postgres::Parameters;
using postgres::Result;
using postgres::Statement;

constexpr Statement open_session{
    "open_session",
    "WITH old AS (SELECT id FROM auth.sessions WHERE id IN ("
    "   SELECT id FROM auth.sessions WHERE account_id = $2"
    "   ORDER BY created_at DESC, id DESC OFFSET $5) FOR UPDATE SKIP LOCKED),"
    " dropped AS (DELETE FROM auth.sessions WHERE id IN (SELECT id FROM old)),"
    " opened AS (INSERT INTO auth.sessions (id, account_id, expires_at)"
    "   VALUES ($1, $2, clock_timestamp() + $4 * interval '1 second') RETURNING id, expires_at)"
    " INSERT INTO auth.refresh_tokens (digest, session_id, expires_at)"
    " SELECT $3, id, expires_at FROM opened"
};
// Both rows are locked: the token against a second use at the same time, the session against
// being ended while a successor is added to it. The session first, as whoever deletes it does.
constexpr Statement lock_token{
    "lock_refresh_token",
    "SELECT t.session_id, t.expires_at, t.used_at, s.revoked_at IS NOT NULL, "
    "clock_timestamp(), " AUTH_ACCOUNT_COLUMNS
    " FROM auth.refresh_tokens t JOIN auth.sessions s ON s.id = t.session_id"
    " JOIN auth.accounts a ON a.id = s.account_id"
    " WHERE t.digest = $1 FOR UPDATE OF s, t"
};
constexpr Statement rotate_token{
    "rotate_refresh_token",
    "WITH used AS (UPDATE auth.refresh_tokens SET used_at = clock_timestamp()"
    "   WHERE digest = $1 RETURNING session_id),"
    " kept AS (UPDATE auth.sessions s"
    "   SET expires_at = clock_timestamp() + $3 * interval '1 second'"
    "   FROM used WHERE s.id = used.session_id RETURNING s.id, s.expires_at)"
    " INSERT INTO auth.refresh_tokens (digest, session_id, expires_at)"
    " SELECT $2, id, expires_at FROM kept"
};
constexpr Statement find_successor{
    "find_refresh_successor",
    "SELECT 1::int FROM auth.refresh_tokens WHERE digest = $1 AND session_id = $2"
};
constexpr Statement revoke_session{
    "revoke_session",
    "UPDATE auth.sessions SET revoked_at = clock_timestamp()"
    " WHERE id = $1 AND revoked_at IS NULL"
};
constexpr Statement close_session{
    "close_session",
    "UPDATE auth.sessions s SET revoked_at = clock_timestamp() FROM auth.refresh_tokens t"
    " WHERE t.digest = $1 AND s.id = t.session_id AND s.revoked_at IS NULL"
};
constexpr Statement drop_ended_sessions{
    "drop_ended_sessions",
    "WITH dropped AS (DELETE FROM auth.sessions WHERE id IN (SELECT id FROM auth.sessions"
    " WHERE expires_at < clock_timestamp() - interval '1 day' LIMIT $1 FOR UPDATE SKIP LOCKED)"
    " RETURNING 1) SELECT count(*) FROM dropped"
};

struct Rotation {
    Digest token;
    Digest successor;
    std::int64_t lifetime_s;
    net::Deadline deadline;
};

net::awaitable<void> rotate(
    Connection& connection, const Rotation& rotation, SessionStore::Refreshed& refreshed
) {
    Parameters key;
    key.bytes(rotation.token);
    const Result rows = co_await connection.query(lock_token, key, rotation.deadline);
    if (rows.empty()) co_return;
    const base::Uuid session_id = rows.uuid(0, 0);
    const RefreshToken token{
        .now_ms = rows.timestamp_ms(0, 4),
        .expires_at_ms = rows.timestamp_ms(0, 1),
        .used_at_ms = rows.optional_timestamp_ms(0, 2),
        .is_revoked = rows.boolean(0, 3)
    };
    refreshed.decision = decide_refresh(token);
    Parameters parameters;
    switch (refreshed.decision) {
        case RefreshDecision::rotate:
            parameters.bytes(rotation.token).bytes(rotation.successor).int8(rotation.lifetime_s);
            co_await connection.query(rotate_token, parameters, rotation.deadline);
            break;
        case RefreshDecision::repeat: {
            parameters.bytes(rotation.successor).uuid(session_id);
            const Result known =
                co_await connection.query(find_successor, parameters, rotation.deadline);
            if (known.empty()) refreshed.decision = RefreshDecision::refuse;
            break;
        }
        case RefreshDecision::revoke:
            parameters.uuid(session_id);
            co_await connection.query(revoke_session, parameters, rotation.deadline);
            break;
        case RefreshDecision::refuse:
            co_return;
    }
    refreshed.account = read_account(rows, 0, 5);
}

}  // namespace

net::awaitable<void> SessionStore::open(NewSession session, net::Deadline deadline) {
    Parameters parameters;
    parameters.uuid(session.id)
        .uuid(session.account_id)
        .bytes(session.token)
        .int8(session.lifetime_s)
        .int4(sessions_per_account_max - 1);
    co_await pool_.query(open_session, parameters, deadline);
}

net::awaitable<SessionStore::Refreshed> SessionStore::refresh(
    Digest token, Digest successor, std::int64_t lifetime_s, net::Deadline deadline
) {
    const Rotation rotation{token, successor, lifetime_s, deadline};
    Refreshed refreshed;
    postgres::Pool::Work work = [&rotation, &refreshed](Connection& connection) {
        return rotate(connection, rotation, refreshed);
    };
    co_await pool_.transact(std::move(work), deadline);
    co_return refreshed;
}

net::awaitable<void> SessionStore::close(Digest token, net::Deadline deadline) {
    Parameters parameters;
    parameters.bytes(token);
    co_await pool_.query(close_session, parameters, deadline);
}

net::awaitable<std::int64_t> SessionStore::drop_ended(std::int64_t limit, net::Deadline deadline) {
    Parameters parameters;
    parameters.int8(limit);
    const Result dropped = co_await pool_.query(drop_ended_sessions, parameters, deadline);
    co_return dropped.integer(0, 0);
}

}  // namespace auth
