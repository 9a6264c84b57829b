#pragma once

#include <optional>

#include "auth/domain/token_lifetimes.hpp"
#include "base/environment.hpp"
#include "password/password.hpp"
#include "postgres/pool.hpp"
#include "token/access_token.hpp"

namespace auth {

/// Everything the room can be told from outside.
struct Config {
    postgres::PoolSettings database;
    std::optional<token::SigningKey> signing_key;  ///< absent only beside a reported problem
    std::optional<token::SigningKey> other_key;
    TokenLifetimes lifetimes;
    password::Limits hashing;
    token::VerifierLimits verifier;

    static Config read(base::Environment& environment);
};

}  // namespace auth
