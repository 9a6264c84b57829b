#include "auth/store/session_store.hpp"

#include "auth/store/account_rows.hpp"

namespace auth {
namespace {

using postgres::Connection;
using postgres::Parameters;
using postgres::Result;
using postgres::Statement;

// The account's row is locked against a change of its password, which ends the sessions it sees.
constexpr Statement open_session{
    "open_session",
    "WITH account AS (SELECT id FROM auth.accounts"
    "   WHERE id = $2 AND password_version = $6 AND disabled_at IS NULL FOR SHARE),"
    " old AS (SELECT id FROM auth.sessions WHERE id IN ("
    "   SELECT s.id FROM auth.sessions s JOIN account ON s.account_id = account.id"
    "   ORDER BY s.created_at DESC, s.id DESC OFFSET $5) FOR UPDATE SKIP LOCKED),"
    " dropped AS (DELETE FROM auth.sessions WHERE id IN (SELECT id FROM old)),"
    " opened AS (INSERT INTO auth.sessions (id, account_id, expires_at)"
    "   SELECT $1, id, clock_timestamp() + $4 * interval '1 second' FROM account"
    "   RETURNING id, expires_at)"
    " INSERT INTO auth.refresh_tokens (digest, session_id, expires_at)"
    " SELECT $3, id, expires_at FROM opened RETURNING 1::int"
};
constexpr Statement change_password{
    "change_password",
    "UPDATE auth.accounts SET password_phc = $3, password_version = password_version + 1"
    " WHERE id = $1 AND password_version = $2 AND disabled_at IS NULL RETURNING password_version"
};
// In order of ids: two of these at once must not wait for each other.
constexpr Statement close_sessions{
    "close_sessions",
    "UPDATE auth.sessions SET revoked_at = clock_timestamp() WHERE id IN ("
    " SELECT id FROM auth.sessions WHERE account_id = $1 AND revoked_at IS NULL"
    " ORDER BY id FOR UPDATE)"
};
// Both rows are locked: the token against a second use at the same time, the session against
// being ended while a successor is added to it. The session first, as whoever deletes it does.
constexpr Statement lock_token{
    "lock_refresh_token",
    "SELECT t.session_id, t.expires_at, t.used_at,"
    " s.revoked_at IS NOT NULL OR a.disabled_at IS NOT NULL, "
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
    std::vector<Digest> successors;
    std::int64_t lifetime_s;
    net::Deadline deadline;
};

/// Which of the successors the session has; nullopt if none.
net::awaitable<std::optional<std::size_t>> find_stored(
    Connection& connection, const Rotation& rotation, base::Uuid session_id
) {
    for (std::size_t index = 0; index < rotation.successors.size(); ++index) {
        Parameters parameters;
        parameters.bytes(rotation.successors[index]).uuid(session_id);
        const Result known =
            co_await connection.query(find_successor, parameters, rotation.deadline);
        if (!known.empty()) co_return index;
    }
    co_return std::nullopt;
}

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
            parameters.bytes(rotation.token)
                .bytes(rotation.successors.front())
                .int8(rotation.lifetime_s);
            co_await connection.query(rotate_token, parameters, rotation.deadline);
            break;
        case RefreshDecision::repeat: {
            const auto stored = co_await find_stored(connection, rotation, session_id);
            if (!stored) refreshed.decision = RefreshDecision::refuse;
            refreshed.successor = stored.value_or(0);
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

Parameters values_of(const SessionStore::NewSession& session) {
    Parameters parameters;
    parameters.uuid(session.id)
        .uuid(session.account_id)
        .bytes(session.token)
        .int8(session.lifetime_s)
        .int4(SessionStore::sessions_per_account_max - 1)
        .int4(session.password_version);
    return parameters;
}

struct Change {
    SessionStore::NewSession session;
    std::string password_phc;
    net::Deadline deadline;
    bool is_done = false;
};

net::awaitable<void> change(Connection& connection, Change& wanted) {
    auto& session = wanted.session;
    Parameters password;
    password.uuid(session.account_id).int4(session.password_version).text(wanted.password_phc);
    const Result changed = co_await connection.query(change_password, password, wanted.deadline);
    if (changed.empty()) co_return;
    session.password_version = static_cast<std::int32_t>(changed.integer(0, 0));
    Parameters account;
    account.uuid(session.account_id);
    co_await connection.query(close_sessions, account, wanted.deadline);
    const Parameters opening = values_of(session);
    const Result opened = co_await connection.query(open_session, opening, wanted.deadline);
    wanted.is_done = !opened.empty();
}

}  // namespace

net::awaitable<bool> SessionStore::open(NewSession session, net::Deadline deadline) {
    const Parameters parameters = values_of(session);
    const Result opened = co_await pool_.query(open_session, parameters, deadline);
    co_return !opened.empty();
}

net::awaitable<bool> SessionStore::start_over(
    NewSession session, std::string password_phc, net::Deadline deadline
) {
    Change wanted{session, std::move(password_phc), deadline};
    postgres::Pool::Work work = [&wanted](Connection& connection) {
        return change(connection, wanted);
    };
    co_await pool_.transact(std::move(work), deadline);
    co_return wanted.is_done;
}

net::awaitable<SessionStore::Refreshed> SessionStore::refresh(
    Digest token, std::vector<Digest> successors, std::int64_t lifetime_s, net::Deadline deadline
) {
    const Rotation rotation{token, std::move(successors), lifetime_s, deadline};
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

net::awaitable<void> SessionStore::close_all(base::Uuid account_id, net::Deadline deadline) {
    Parameters parameters;
    parameters.uuid(account_id);
    co_await pool_.query(close_sessions, parameters, deadline);
}

net::awaitable<std::int64_t> SessionStore::drop_ended(std::int64_t limit, net::Deadline deadline) {
    Parameters parameters;
    parameters.int8(limit);
    const Result dropped = co_await pool_.query(drop_ended_sessions, parameters, deadline);
    co_return dropped.integer(0, 0);
}

}  // namespace auth
