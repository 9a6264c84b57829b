#pragma once

#include <optional>
#include <string>

#include "auth/api/parts.hpp"
#include "http/message.hpp"

namespace auth::api {

/// Where somebody asks from who has just chosen the password of these credentials: nothing is
/// known of it yet.
Place new_place(
    Parts& parts, const http::Request& request, const std::optional<Credentials>& credentials
);

/// Where a login comes from. `credentials` may be of no account: that costs the same.
net::awaitable<Place> find_place(
    Parts& parts,
    const http::Request& request,
    const std::optional<Credentials>& credentials,
    std::string device_token
);

/// Somebody has just given the right password there. Best effort: he is let in anyway.
net::awaitable<void> remember_place(
    Parts& parts, const http::Request& request, base::Uuid account_id, Place place
);

}  // namespace auth::api
