#pragma once

#include <optional>

#include "auth/domain/attempt_pace.hpp"
#include "auth/domain/token_lifetimes.hpp"
#include "auth/store/key_files.hpp"
#include "base/environment.hpp"
#include "password/password.hpp"
#include "postgres/pool.hpp"
#include "service/client_address.hpp"
#include "token/access_token.hpp"

namespace auth {

/// Everything the room can be told from outside.
struct Config {
    postgres::PoolSettings database;
    KeyFiles::Keys keys;  ///< the one that signs first; empty only beside a reported problem
    std::optional<KeyFiles> key_files;
    std::int64_t key_files_checked_ms = 1000;
    TokenLifetimes lifetimes;
    service::TrustedProxies trusted_proxies;
    AttemptLimits attempts;
    password::Limits hashing;
    token::VerifierLimits verifier;

    static Config read(base::Environment& environment);
};

}  // namespace auth
