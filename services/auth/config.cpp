#include "auth/config.hpp"

#include <stdexcept>

namespace auth {
namespace {

void read_signing_keys(base::Environment& environment, Config& config) {
    const std::string signing =
        environment.secret("JWT_SIGNING_KEY", 1, "P-256 private key in PEM that signs tokens");
    const std::string other = environment.optional_secret(
        "JWT_OTHER_KEY",
        "published but not used to sign: the next key, or the last one; the file may be missing",
        base::Environment::MissingFile::is_absent
    );
    config.key_files_checked_ms = environment.integer_or(
        "KEY_FILES_CHECKED_MS", 1000, 50, 60000, "how often the files of the keys are looked at"
    );
    const auto signing_file = environment.file_of("JWT_SIGNING_KEY");
    const auto other_file = environment.file_of("JWT_OTHER_KEY");
    if (signing_file) config.key_files.emplace(*signing_file, other_file.value_or(""));
    if (signing.empty()) return;
    const char* name = "JWT_SIGNING_KEY";
    try {
        config.keys = read_keys(signing, "");
        name = "JWT_OTHER_KEY";
        config.keys = read_keys(signing, other);
    } catch (const std::runtime_error& error) {
        environment.problem(name, "can't be used", error.what());
    }
}

void read_attempt_limits(base::Environment& environment, AttemptLimits& limits) {
    const auto most = [](const Pace& pace) { return attempts_kept_ms / pace.drain_ms; };
    limits.network.attempts_max = static_cast<int>(environment.integer_or(
        "LOGIN_FAILURES_PER_ADDRESS_MAX",
        limits.network.attempts_max,
        5,
        most(limits.network),
        "wrong passwords of one client address for all accounts; then one more in 5 s"
    ));
    limits.registrations.attempts_max = static_cast<int>(environment.integer_or(
        "REGISTRATIONS_PER_ADDRESS_MAX",
        limits.registrations.attempts_max,
        1,
        most(limits.registrations),
        "registrations of one client address; then one more in 2 s"
    ));
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
    read_signing_keys(environment, config);
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
    config.trusted_proxies = service::TrustedProxies::read(environment);
    read_attempt_limits(environment, config.attempts);
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
