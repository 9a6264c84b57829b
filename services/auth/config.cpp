#include "auth/config.hpp"

#include <stdexcept>

namespace auth {
namespace {

std::optional<token::SigningKey> read_key(
    base::Environment& environment, const std::string& name, const std::string& pem
) {
    if (pem.empty()) return std::nullopt;
    try {
        return token::SigningKey::from_pem(pem);
    } catch (const std::runtime_error& error) {
        environment.problem(name, "can't be used", error.what());
        return std::nullopt;
    }
}

}  // namespace

Config Config::read(base::Environment& environment) {
    Config config;
    config.database.url =
        environment.secret("DATABASE_URL", 1, "postgresql://user:password@host:port/database");
    config.database.application_name = "auth";
    config.database.connections_max = static_cast<std::size_t>(
        environment.integer_or("DATABASE_CONNECTIONS_MAX", 4, 1, 64, "connections to the database")
    );
    config.signing_key = read_key(
        environment,
        "JWT_SIGNING_KEY",
        environment.secret("JWT_SIGNING_KEY", 1, "P-256 private key in PEM that signs tokens")
    );
    config.other_key = read_key(
        environment,
        "JWT_OTHER_KEY",
        environment.optional_secret(
            "JWT_OTHER_KEY", "published but not used to sign: the next key, or the last one"
        )
    );
    config.lifetimes.access_s = environment.integer_or(
        "ACCESS_TOKEN_LIFETIME_S", 600, 10, token::lifetime_s_max, "how long an access token lasts"
    );
    config.lifetimes.refresh_s = environment.integer_or(
        "REFRESH_TOKEN_LIFETIME_S",
        config.lifetimes.refresh_s,
        60,
        365 * 24 * 3600,
        "how long a session lasts without being refreshed"
    );
    config.hashing.threads = static_cast<std::size_t>(environment.integer_or(
        "HASHING_THREADS", 1, 1, 64, "passwords hashed at once, 19 MiB and a core each"
    ));
    config.hashing.waiting_max = static_cast<std::size_t>(environment.integer_or(
        "HASHING_WAITING_MAX", 64, 0, 10000, "logins that may wait for it; more are told busy"
    ));
    config.verifier.cached_tokens_max = static_cast<std::size_t>(environment.integer_or(
        "TOKENS_CACHED_MAX", 20000, 0, 10000000, "verified tokens remembered, some 200 bytes each"
    ));
    return config;
}

}  // namespace auth
