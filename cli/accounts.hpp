#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/uuid.hpp"
#include "net/net.hpp"
#include "postgres/pool.hpp"
#include "token/access_token.hpp"

namespace cli {

/// What the operator writes into auth's accounts, past the room: the first admin can't register
/// itself as one, and a crowd of thousands need not hash a password each.
struct Account {
    base::Uuid id;
    std::string email;
    token::Role role = token::Role::customer;
    std::int64_t created_at_ms = 0;
    bool has_password = false;
    bool is_disabled = false;
    std::int64_t sessions = 0;  ///< that are open
};

/// Lower case, without blanks around it; throws UsageError if it can't be an address.
std::string read_email(const std::string& text);

/// Makes an admin of that address: a new account, or the one that exists, whose password is then
/// replaced only if `replace_password`. `created` tells which. Anybody may have registered the
/// address before: a customer with a password is refused (Failure) unless it is replaced, and
/// whoever becomes an admin or gets another password loses his sessions.
struct AdminOutcome {
    base::Uuid id;
    bool created = false;
};
net::awaitable<AdminOutcome> make_admin(
    postgres::Pool& pool,
    base::Uuid id,
    std::string email,
    std::string password_phc,
    bool replace_password,
    net::Deadline deadline
);

net::awaitable<std::optional<Account>> find_account(
    postgres::Pool& pool, std::string email, net::Deadline deadline
);

/// The other way round: a customer again. Ends its sessions, since what was opened as an admin must
/// not go on. False if there is no such account.
net::awaitable<bool> revoke_admin(postgres::Pool& pool, std::string email, net::Deadline deadline);

/// An existing account becomes an admin's, and logs in anew; false if there is none.
net::awaitable<bool> grant_admin(postgres::Pool& pool, std::string email, net::Deadline deadline);

/// A disabled account can't log in, and its sessions end. False if there is no such account.
net::awaitable<bool> set_disabled(
    postgres::Pool& pool, std::string email, bool is_disabled, net::Deadline deadline
);

/// Ends every session of an account; nullopt if there is no such account.
net::awaitable<std::optional<std::int64_t>> end_sessions(
    postgres::Pool& pool, std::string email, net::Deadline deadline
);

/// The newest first; those of a role only, if one is given.
net::awaitable<std::vector<Account>> list_accounts(
    postgres::Pool& pool, std::optional<token::Role> role, int limit, net::Deadline deadline
);

/// Accounts without a password, in batches of one statement each.
net::awaitable<void> add_customers(
    postgres::Pool& pool,
    std::vector<base::Uuid> ids,
    std::vector<std::string> emails,
    net::Deadline deadline
);

/// A pool for one command: a few connections, patient statements.
postgres::PoolSettings database_settings(std::string url);

}  // namespace cli
