#include "cli/accounts.hpp"

#include <algorithm>

#include "base/assertion.hpp"
#include "cli/command.hpp"

namespace cli {
namespace {

using postgres::Parameters;
using postgres::Statement;

constexpr std::size_t email_bytes_max = 254;
constexpr std::size_t customers_per_statement = 5000;

constexpr Statement insert_admin{
    "cli_insert_admin",
    "INSERT INTO auth.accounts (id, email, email_key, password_phc, role)"
    " VALUES ($1, $2, lower($2), $3, 'admin') ON CONFLICT (email_key) DO NOTHING RETURNING id"
};
constexpr Statement promote_admin{
    "cli_promote_admin",
    "UPDATE auth.accounts SET role = 'admin',"
    " password_phc = CASE WHEN $3 OR password_phc IS NULL THEN $2 ELSE password_phc END,"
    " password_version = password_version + CASE WHEN $3 THEN 1 ELSE 0 END"
    " WHERE email_key = lower($1) RETURNING id"
};
// Whoever logs in at the same time waits for the account's row, and then sees what it has become.
#define CLI_LOCKED_ACCOUNT \
    "WITH account AS (SELECT id FROM auth.accounts WHERE email_key = lower($1) FOR NO KEY UPDATE)"
// In order of ids, as auth does it: two at once must not wait for each other.
#define CLI_ENDED_SESSIONS                                                              \
    ", ended AS (UPDATE auth.sessions SET revoked_at = clock_timestamp() WHERE id IN (" \
    " SELECT s.id FROM auth.sessions s JOIN account ON s.account_id = account.id"       \
    " WHERE s.revoked_at IS NULL ORDER BY s.id FOR UPDATE OF s) RETURNING expires_at)"
constexpr Statement demote_admin{
    "cli_demote_admin",
    CLI_LOCKED_ACCOUNT CLI_ENDED_SESSIONS
    " UPDATE auth.accounts a SET role = 'customer' FROM account WHERE a.id = account.id"
    " RETURNING a.id"
};
constexpr Statement make_existing_admin{
    "cli_make_existing_admin",
    "UPDATE auth.accounts SET role = 'admin' WHERE email_key = lower($1) RETURNING id"
};
constexpr Statement disable_account{
    "cli_disable_account",
    CLI_LOCKED_ACCOUNT CLI_ENDED_SESSIONS
    " UPDATE auth.accounts a SET disabled_at = coalesce(a.disabled_at, clock_timestamp())"
    " FROM account WHERE a.id = account.id RETURNING a.id"
};
constexpr Statement enable_account{
    "cli_enable_account",
    "UPDATE auth.accounts SET disabled_at = NULL WHERE email_key = lower($1) RETURNING id"
};
constexpr Statement end_account_sessions{
    "cli_end_account_sessions",
    CLI_LOCKED_ACCOUNT CLI_ENDED_SESSIONS
    " SELECT (SELECT count(*) FROM ended WHERE expires_at > clock_timestamp()) FROM account"
};
#define CLI_ACCOUNT_COLUMNS                                                                       \
    "a.id, a.email, a.role, a.created_at, a.password_phc IS NOT NULL, a.disabled_at IS NOT NULL," \
    " (SELECT count(*) FROM auth.sessions s WHERE s.account_id = a.id AND s.revoked_at IS NULL"   \
    "   AND s.expires_at > clock_timestamp())"
constexpr Statement account_by_email{
    "cli_account_by_email",
    "SELECT " CLI_ACCOUNT_COLUMNS " FROM auth.accounts a WHERE a.email_key = lower($1)"
};
constexpr Statement newest_accounts{
    "cli_newest_accounts",
    "SELECT " CLI_ACCOUNT_COLUMNS
    " FROM auth.accounts a WHERE $1::text IS NULL OR a.role = $1"
    " ORDER BY a.created_at DESC, a.id DESC LIMIT $2"
};
constexpr Statement insert_customers{
    "cli_insert_customers",
    "INSERT INTO auth.accounts (id, email, email_key, role)"
    " SELECT id, email, lower(email), 'customer'"
    " FROM unnest($1::uuid[], $2::text[]) AS given(id, email)"
};

Account read_account(const postgres::Result& rows, std::size_t row) {
    Account account;
    account.id = rows.uuid(row, 0);
    account.email = rows.text(row, 1);
    if (rows.text(row, 2) == "admin") account.role = token::Role::admin;
    account.created_at_ms = rows.timestamp_ms(row, 3);
    account.has_password = rows.boolean(row, 4);
    account.is_disabled = rows.boolean(row, 5);
    account.sessions = rows.integer(row, 6);
    return account;
}

net::awaitable<postgres::Result> about(
    postgres::Pool& pool, const Statement& statement, std::string email, net::Deadline deadline
) {
    Parameters parameters;
    parameters.text(email);
    auto result = co_await pool.query(statement, parameters, deadline);
    co_return result;
}

}  // namespace

std::string read_email(const std::string& text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    const auto last = text.find_last_not_of(" \t\r\n");
    std::string email = first == std::string::npos ? "" : text.substr(first, last - first + 1);
    std::transform(email.begin(), email.end(), email.begin(), [](char letter) {
        return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
    });
    const auto at = email.find('@');
    const bool printable = std::all_of(email.begin(), email.end(), [](char letter) {
        return letter > ' ' && letter < 0x7f;
    });
    if (!printable || at == std::string::npos || at == 0 || at != email.rfind('@') ||
        email.find('.', at) == std::string::npos || email.back() == '.' ||
        email.size() > email_bytes_max) {
        throw UsageError("'" + text + "' is not an e-mail address like name@example.com");
    }
    return email;
}

net::awaitable<AdminOutcome> make_admin(
    postgres::Pool& pool,
    base::Uuid id,
    std::string email,
    std::string password_phc,
    bool replace_password,
    net::Deadline deadline
) {
    Parameters inserted;
    inserted.uuid(id).text(email).text(password_phc);
    const auto made = co_await pool.query(insert_admin, inserted, deadline);
    if (!made.empty()) co_return AdminOutcome{id, true};
    Parameters promoted;
    promoted.text(email).text(password_phc).boolean(replace_password);
    const auto found = co_await pool.query(promote_admin, promoted, deadline);
    if (found.empty()) throw Failure("the account of " + email + " went away meanwhile; try again");
    co_return AdminOutcome{found.uuid(0, 0), false};
}

net::awaitable<std::optional<Account>> find_account(
    postgres::Pool& pool, std::string email, net::Deadline deadline
) {
    Parameters parameters;
    parameters.text(email);
    const auto found = co_await pool.query(account_by_email, parameters, deadline);
    if (found.empty()) co_return std::nullopt;
    co_return read_account(found, 0);
}

net::awaitable<bool> revoke_admin(postgres::Pool& pool, std::string email, net::Deadline deadline) {
    const auto changed = co_await about(pool, demote_admin, email, deadline);
    co_return !changed.empty();
}

net::awaitable<bool> grant_admin(postgres::Pool& pool, std::string email, net::Deadline deadline) {
    const auto changed = co_await about(pool, make_existing_admin, email, deadline);
    co_return !changed.empty();
}

net::awaitable<bool> set_disabled(
    postgres::Pool& pool, std::string email, bool is_disabled, net::Deadline deadline
) {
    const auto& statement = is_disabled ? disable_account : enable_account;
    const auto changed = co_await about(pool, statement, email, deadline);
    co_return !changed.empty();
}

net::awaitable<std::optional<std::int64_t>> end_sessions(
    postgres::Pool& pool, std::string email, net::Deadline deadline
) {
    const auto ended = co_await about(pool, end_account_sessions, email, deadline);
    if (ended.empty()) co_return std::nullopt;
    co_return ended.integer(0, 0);
}

net::awaitable<std::vector<Account>> list_accounts(
    postgres::Pool& pool, std::optional<token::Role> role, int limit, net::Deadline deadline
) {
    std::optional<std::string> wanted;
    if (role) wanted = std::string(token::to_string(*role));
    Parameters parameters;
    parameters.optional_text(wanted).int4(limit);
    const auto found = co_await pool.query(newest_accounts, parameters, deadline);
    std::vector<Account> accounts;
    for (std::size_t row = 0; row < found.rows(); ++row) {
        accounts.push_back(read_account(found, row));
    }
    co_return accounts;
}

net::awaitable<void> add_customers(
    postgres::Pool& pool,
    std::vector<base::Uuid> ids,
    std::vector<std::string> emails,
    net::Deadline deadline
) {
    DOORBUSTER_ASSERT(ids.size() == emails.size());
    for (std::size_t begin = 0; begin < ids.size(); begin += customers_per_statement) {
        const std::size_t count = std::min(customers_per_statement, ids.size() - begin);
        Parameters parameters;
        parameters.uuid_array(std::span(ids).subspan(begin, count))
            .text_array(std::span(emails).subspan(begin, count));
        co_await pool.query(insert_customers, parameters, deadline);
    }
}

postgres::PoolSettings database_settings(std::string url) {
    postgres::PoolSettings settings;
    settings.url = std::move(url);
    settings.application_name = "doorbuster-cli";
    settings.connections_max = 2;
    settings.statement_timeout_ms = 60000;
    settings.lock_timeout_ms = 10000;
    return settings;
}

}  // namespace cli
