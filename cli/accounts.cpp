#include "cli/accounts.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/assertion.hpp"
#include "cli/command.hpp"

namespace cli {
namespace {

using postgres::Connection;
using postgres::Parameters;
using postgres::Statement;

constexpr std::size_t email_bytes_max = 254;
constexpr std::size_t customers_per_statement = 5000;

constexpr Statement insert_admin{
    "cli_insert_admin",
    "INSERT INTO auth.accounts (id, email, email_key, password_phc, role)"
    " VALUES ($1, $2, lower($2), $3, 'admin') ON CONFLICT (email_key) DO NOTHING RETURNING id"
};
// Whoever logs in at the same time waits for the account's row, and then sees what it has become.
constexpr Statement lock_account{
    "cli_lock_account",
    "SELECT id, role = 'admin', password_phc IS NOT NULL FROM auth.accounts"
    " WHERE email_key = lower($1) FOR NO KEY UPDATE"
};
// In order of ids, as auth does it: two at once must not wait for each other.
constexpr Statement end_sessions_of{
    "cli_end_sessions_of",
    "WITH ended AS (UPDATE auth.sessions SET revoked_at = clock_timestamp() WHERE id IN ("
    " SELECT id FROM auth.sessions WHERE account_id = $1 AND revoked_at IS NULL"
    " ORDER BY id FOR UPDATE) RETURNING expires_at)"
    " SELECT count(*) FROM ended WHERE expires_at > clock_timestamp()"
};
constexpr Statement set_password{
    "cli_set_password",
    "UPDATE auth.accounts SET password_phc = $2, password_version = password_version + 1"
    " WHERE id = $1"
};
constexpr Statement promote_account{
    "cli_promote_account", "UPDATE auth.accounts SET role = 'admin' WHERE id = $1"
};
constexpr Statement demote_account{
    "cli_demote_account", "UPDATE auth.accounts SET role = 'customer' WHERE id = $1"
};
constexpr Statement disable_account{
    "cli_disable_account",
    "UPDATE auth.accounts SET disabled_at = coalesce(disabled_at, clock_timestamp())"
    " WHERE id = $1"
};
constexpr Statement enable_account{
    "cli_enable_account",
    "UPDATE auth.accounts SET disabled_at = NULL WHERE email_key = lower($1) RETURNING id"
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

struct LockedAccount {
    base::Uuid id;
    bool is_admin = false;
    bool has_password = false;
};

net::awaitable<std::optional<LockedAccount>> lock_by_email(
    Connection& connection, const std::string& email, net::Deadline deadline
) {
    Parameters parameters;
    parameters.text(email);
    const auto found = co_await connection.query(lock_account, parameters, deadline);
    if (found.empty()) co_return std::nullopt;
    co_return LockedAccount{found.uuid(0, 0), found.boolean(0, 1), found.boolean(0, 2)};
}

net::awaitable<postgres::Result> about(
    Connection& connection, const Statement& statement, base::Uuid id, net::Deadline deadline
) {
    Parameters parameters;
    parameters.uuid(id);
    auto result = co_await connection.query(statement, parameters, deadline);
    co_return result;
}

/// Runs `change` (if any) under the account's lock and ends its sessions: in statements of their
/// own, since one that waited for the lock doesn't see the session that was opened meanwhile.
net::awaitable<std::optional<std::int64_t>> change_and_end_sessions(
    postgres::Pool& pool, const Statement* change, std::string email, net::Deadline deadline
) {
    std::optional<std::int64_t> ended;
    postgres::Pool::Work work = [&](Connection& connection) -> net::awaitable<void> {
        const auto account = co_await lock_by_email(connection, email, deadline);
        if (!account) co_return;
        if (change) co_await about(connection, *change, account->id, deadline);
        const auto count = co_await about(connection, end_sessions_of, account->id, deadline);
        ended = count.integer(0, 0);
    };
    co_await pool.transact(std::move(work), deadline);
    co_return ended;
}

[[noreturn]] void refuse_promotion(const std::string& email) {
    throw Failure(fmt::format(
        "{} is a customer's account with a password of its own: whoever registered it would run "
        "the shop. If it is yours: doorbuster admin grant --email {}. To take it over with the "
        "password in ADMIN_PASSWORD: doorbuster admin create --email {} --set-password",
        email,
        email,
        email
    ));
}

/// What an account becomes that exists already; nothing changes for one that is an admin's.
net::awaitable<base::Uuid> take_over(
    Connection& connection,
    const std::string& email,
    const std::string& password_phc,
    bool replace_password,
    net::Deadline deadline
) {
    const auto account = co_await lock_by_email(connection, email, deadline);
    if (!account) throw Failure("the account of " + email + " went away meanwhile; try again");
    if (!account->is_admin && account->has_password && !replace_password) refuse_promotion(email);
    const bool sets_password = replace_password || !account->has_password;
    if (sets_password) {
        Parameters parameters;
        parameters.uuid(account->id).text(password_phc);
        co_await connection.query(set_password, parameters, deadline);
    }
    if (!account->is_admin) co_await about(connection, promote_account, account->id, deadline);
    if (sets_password || !account->is_admin) {
        co_await about(connection, end_sessions_of, account->id, deadline);
    }
    co_return account->id;
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
    AdminOutcome outcome;
    postgres::Pool::Work work = [&](Connection& connection) -> net::awaitable<void> {
        outcome.id =
            co_await take_over(connection, email, password_phc, replace_password, deadline);
    };
    co_await pool.transact(std::move(work), deadline);
    co_return outcome;
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
    const auto ended = co_await change_and_end_sessions(pool, &demote_account, email, deadline);
    co_return ended.has_value();
}

net::awaitable<bool> grant_admin(postgres::Pool& pool, std::string email, net::Deadline deadline) {
    const auto known = co_await find_account(pool, email, deadline);
    if (known && known->role == token::Role::admin) co_return true;
    const auto ended = co_await change_and_end_sessions(pool, &promote_account, email, deadline);
    co_return ended.has_value();
}

net::awaitable<bool> set_disabled(
    postgres::Pool& pool, std::string email, bool is_disabled, net::Deadline deadline
) {
    if (is_disabled) {
        const auto ended =
            co_await change_and_end_sessions(pool, &disable_account, email, deadline);
        co_return ended.has_value();
    }
    Parameters parameters;
    parameters.text(email);
    const auto enabled = co_await pool.query(enable_account, parameters, deadline);
    co_return !enabled.empty();
}

net::awaitable<std::optional<std::int64_t>> end_sessions(
    postgres::Pool& pool, std::string email, net::Deadline deadline
) {
    const auto ended = co_await change_and_end_sessions(pool, nullptr, email, deadline);
    co_return ended;
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
