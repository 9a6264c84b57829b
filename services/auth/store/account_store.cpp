#include "auth/store/account_store.hpp"

#include <algorithm>

#include "auth/store/account_rows.hpp"
#include "base/assertion.hpp"

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
#define AUTH_SELECT_CREDENTIALS                                       \
    "SELECT a.password_phc, a.password_version, (SELECT secret FROM " \
    "auth.place_secret), " AUTH_ACCOUNT_COLUMNS " FROM auth.accounts a"
constexpr Statement find_by_email{
    "find_account_by_email", AUTH_SELECT_CREDENTIALS " WHERE a.email_key = $1"
};
constexpr Statement find_credentials_of{
    "find_credentials_of_account", AUTH_SELECT_CREDENTIALS " WHERE a.id = $1"
};
constexpr Statement find_place_secret{
    "find_place_secret", "SELECT EXISTS (SELECT FROM auth.place_secret)"
};
constexpr Statement replace_password_hash{
    "replace_password_hash",
    "UPDATE auth.accounts SET password_phc = $3 WHERE id = $1 AND password_phc = $2"
};

std::optional<Credentials> read_credentials(const Result& rows) {
    if (rows.empty()) return std::nullopt;
    Credentials credentials;
    credentials.account = read_account(rows, 0, 3);
    credentials.password_phc = rows.optional_text(0, 0);
    credentials.password_version = static_cast<std::int32_t>(rows.integer(0, 1));
    if (rows.is_null(0, 2)) return credentials;
    const std::string_view secret = rows.bytes(0, 2);
    auto& place_secret = credentials.place_secret.emplace();
    DOORBUSTER_ASSERT(secret.size() == place_secret.size());
    std::ranges::copy(secret, place_secret.begin());
    return credentials;
}

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
    co_return read_credentials(rows);
}

net::awaitable<std::optional<Credentials>> AccountStore::find_credentials(
    base::Uuid id, net::Deadline deadline
) {
    Parameters parameters;
    parameters.uuid(id);
    const Result rows = co_await pool_.query(find_credentials_of, parameters, deadline);
    co_return read_credentials(rows);
}

net::awaitable<bool> AccountStore::has_place_secret(net::Deadline deadline) {
    const Parameters nothing;
    const Result rows = co_await pool_.query(find_place_secret, nothing, deadline);
    co_return rows.boolean(0, 0);
}

net::awaitable<void> AccountStore::replace_phc(
    base::Uuid id, std::string old_phc, std::string new_phc, net::Deadline deadline
) {
    Parameters parameters;
    parameters.uuid(id).text(old_phc).text(new_phc);
    co_await pool_.query(replace_password_hash, parameters, deadline);
}

}  // namespace auth
