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
};

/// Lower case, without blanks around it; throws UsageError if it can't be an address.
std::string read_email(const std::string& text);

/// Makes an admin of that address: a new account, or the one that exists, whose password is then
/// replaced only if `replace_password`. `created` tells which.
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
