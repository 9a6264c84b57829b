#include "auth/store/account_store.hpp"

#include "auth/store/account_rows.hpp"

namespace auth {
namespace {

using postgres::Parameters;
using postgres::Result;
using postgres::Statement;

constexpr Statement add_account{
    "add_account",
    "INSERT INTO auth.accounts AS a (id, email, email_key, name, password_phc)"
    " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (email_key) DO NOTHING"
    " RETURNING " AUTH_ACCOUNT_COLUMNS
};
constexpr Statement find_account{
    "find_account", "SELECT " AUTH_ACCOUNT_COLUMNS " FROM auth.accounts a WHERE a.id = $1"
};
constexpr Statement find_by_email{
    "find_account_by_email",
    "SELECT a.password_phc, " AUTH_ACCOUNT_COLUMNS " FROM auth.accounts a WHERE a.email_key = $1"
};
constexpr Statement replace_password_hash{
    "replace_password_hash",
    "UPDATE auth.accounts SET password_phc = $3 WHERE id = $1 AND password_phc = $2"
};
constexpr Statement find_failures{
    "find_login_failures",
    "SELECT failures,"
    " (1000 * extract(epoch FROM clock_timestamp() - last_failed_at))::bigint"
    " FROM auth.login_failures WHERE email_digest = $1"
};
constexpr Statement add_login_failure{
    "add_login_failure",
    "INSERT INTO auth.login_failures AS f (email_digest, failures, last_failed_at)"
    " VALUES ($1, 1, clock_timestamp()) ON CONFLICT (email_digest) DO UPDATE SET"
    " failures = CASE WHEN f.last_failed_at < clock_timestamp() - $2 * interval '1 millisecond'"
    " THEN 1 ELSE least(f.failures, 1000000) + 1 END,"
    " last_failed_at = clock_timestamp()"
};
constexpr Statement forget_login_failures{
    "forget_login_failures", "DELETE FROM auth.login_failures WHERE email_digest = $1"
};
constexpr Statement drop_login_failures{
    "drop_login_failures",
    "WITH dropped AS (DELETE FROM auth.login_failures WHERE email_digest IN ("
    " SELECT email_digest FROM auth.login_failures"
    " WHERE last_failed_at < clock_timestamp() - $1 * interval '1 millisecond'"
    " LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING 1) SELECT count(*) FROM dropped"
};

}  // namespace

net::awaitable<std::optional<Account>> AccountStore::add(
    NewAccount account, net::Deadline deadline
) {
    Parameters parameters;
    parameters.uuid(account.id)
        .text(account.email.address)
        .text(account.email.key)
        .optional_text(account.name)
        .text(account.password_phc);
    const Result rows = co_await pool_.query(add_account, parameters, deadline);
    if (rows.empty()) co_return std::nullopt;
    co_return read_account(rows, 0);
}

net::awaitable<std::optional<Account>> AccountStore::find(base::Uuid id, net::Deadline deadline) {
    Parameters parameters;
    parameters.uuid(id);
    const Result rows = co_await pool_.query(find_account, parameters, deadline);
    if (rows.empty()) co_return std::nullopt;
    co_return read_account(rows, 0);
}

net::awaitable<std::optional<Credentials>> AccountStore::find_credentials(
    std::string email_key, net::Deadline deadline
) {
    Parameters parameters;
    parameters.text(email_key);
    const Result rows = co_await pool_.query(find_by_email, parameters, deadline);
    if (rows.empty()) co_return std::nullopt;
    co_return Credentials{read_account(rows, 0, 1), rows.optional_text(0, 0)};
}

net::awaitable<void> AccountStore::replace_phc(
    base::Uuid id, std::string old_phc, std::string new_phc, net::Deadline deadline
) {
    Parameters parameters;
    parameters.uuid(id).text(old_phc).text(new_phc);
    co_await pool_.query(replace_password_hash, parameters, deadline);
}

net::awaitable<LoginFailures> AccountStore::failures(Digest email_digest, net::Deadline deadline) {
    Parameters parameters;
    parameters.bytes(email_digest);
    const Result rows = co_await pool_.query(find_failures, parameters, deadline);
    if (rows.empty()) co_return LoginFailures{};
    co_return LoginFailures{static_cast<int>(rows.integer(0, 0)), rows.integer(0, 1)};
}

net::awaitable<void> AccountStore::add_failure(Digest email_digest, net::Deadline deadline) {
    Parameters parameters;
    parameters.bytes(email_digest).int8(failures_kept_ms);
    co_await pool_.query(add_login_failure, parameters, deadline);
}

net::awaitable<void> AccountStore::forget_failures(Digest email_digest, net::Deadline deadline) {
    Parameters parameters;
    parameters.bytes(email_digest);
    co_await pool_.query(forget_login_failures, parameters, deadline);
}

net::awaitable<std::int64_t> AccountStore::drop_old_failures(
    std::int64_t limit, net::Deadline deadline
) {
    Parameters parameters;
    parameters.int8(failures_kept_ms).int8(limit);
    const Result dropped = co_await pool_.query(drop_login_failures, parameters, deadline);
    co_return dropped.integer(0, 0);
}

}  // namespace auth
