#pragma once

#include <string>
#include <vector>

#include "net/net.hpp"
#include "postgres/pool.hpp"

namespace cli {

/// A room's way into the database.
struct LoginRole {
    std::string name;
    std::string password;
};

struct RoleOutcome {
    std::string name;
    bool created = false;
    bool password_set = false;
};

/// Makes the roles that don't exist: they may log in and nothing else. An existing role keeps its
/// password unless `set_passwords`. Then nobody has a right on the database or its public schema
/// but these roles, who may connect. Several at once are harmless.
net::awaitable<std::vector<RoleOutcome>> ensure_roles(
    postgres::Connection& connection,
    std::vector<LoginRole> roles,
    bool set_passwords,
    net::Deadline deadline
);

}  // namespace cli
