#include "baselines/config.hpp"

namespace baselines {
namespace {

constexpr std::size_t waiting_max = 8192;

}  // namespace

Config Config::read(base::Environment& environment) {
    Config config;
    const std::string mode = environment.text("BASELINE_MODE", "lock-per-request or row-update");
    config.uses_lock = mode == "lock-per-request";
    if (!config.uses_lock && mode != "row-update" && !mode.empty()) {
        environment.problem(
            "BASELINE_MODE", "is unknown: " + mode, "Write lock-per-request or row-update."
        );
    }
    config.database.url =
        environment.text("DATABASE_URL", "postgresql://user:password@host:port/database");
    config.database.application_name = "baseline";
    config.database.waiting_max = waiting_max;
    config.database.connections_max = static_cast<std::size_t>(
        environment.integer_or("DATABASE_CONNECTIONS_MAX", 4, 1, 64, "connections of the sale")
    );
    const std::string master = environment.text("REDIS_FALLBACK", "the Redis master, host:port");
    config.redis.fallback = redis::Address::parse(master);
    if (!config.redis.fallback && !master.empty()) {
        environment.problem("REDIS_FALLBACK", "is not an address: " + master, "Write host:port.");
    }
    config.redis.password = environment.optional_secret("REDIS_PASSWORD", "of Redis");
    config.access = service::AccessSettings::read(environment);
    return config;
}

}  // namespace baselines
