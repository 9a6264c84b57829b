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
    " password_phc = CASE WHEN $3 OR password_phc IS NULL THEN $2 ELSE password_phc END"
    " WHERE email_key = lower($1) RETURNING id"
};
constexpr Statement account_by_email{
    "cli_account_by_email", "SELECT id, email, role FROM auth.accounts WHERE email_key = lower($1)"
};
constexpr Statement insert_customers{
    "cli_insert_customers",
    "INSERT INTO auth.accounts (id, email, email_key, role)"
    " SELECT id, email, lower(email), 'customer'"
    " FROM unnest($1::uuid[], $2::text[]) AS given(id, email)"
};

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
    Account account;
    account.id = found.uuid(0, 0);
    account.email = found.text(0, 1);
    if (found.text(0, 2) == "admin") account.role = token::Role::admin;
    co_return account;
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
