#pragma once

#include <optional>
#include <string>

#include "auth/api/parts.hpp"

namespace auth::api {

struct PasswordCheck {
    bool is_right = false;
    bool needs_rehash = false;
    std::string phc;  ///< what it was checked against
};

/// The same work whether there is an account, whether it has a password and whether that is right.
/// Needs room in the hasher.
net::awaitable<PasswordCheck> check_password(
    Parts& parts, std::optional<Credentials> credentials, std::string password
);

}  // namespace auth::api
