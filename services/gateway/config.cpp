#include "gateway/config.hpp"

#include <algorithm>

namespace gateway {

namespace {

constexpr const char* origin_form = "Write host:port, for example product:8080";

std::vector<http::Origin> read_origins(
    base::Environment& environment, const char* name, const char* meaning, bool many
) {
    const std::string text = environment.text(name, meaning);
    std::vector<http::Origin> origins;
    std::string_view rest = text;
    while (!rest.empty()) {
        const auto end = many ? std::min(rest.find(','), rest.size()) : rest.size();
        const auto part = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const auto origin = http::Origin::parse(part);
        if (origin) {
            origins.push_back(*origin);
        } else {
            environment.problem(name, "has \"" + std::string(part) + "\"", origin_form);
        }
    }
    return origins;
}

http::ClientLimits read_client_limits(base::Environment& environment) {
    http::ClientLimits limits;
    limits.connections_max = static_cast<std::size_t>(environment.integer_or(
        "UPSTREAM_CONNECTIONS_MAX", 512, 1, 100000, "connections to one address of a room"
    ));
    limits.waiting_max = static_cast<std::size_t>(environment.integer_or(
        "UPSTREAM_WAITING_MAX", 4096, 0, 1000000, "requests waiting for such a connection"
    ));
    limits.connect_timeout_ms = environment.integer_or(
        "UPSTREAM_CONNECT_TIMEOUT_MS", 1000, 1, 60000, "to open such a connection"
    );
    limits.idle_timeout_ms = environment.integer_or(
        "UPSTREAM_IDLE_TIMEOUT_MS",
        60000,
        1,
        3600000,
        "an unused connection is closed then; less than the rooms' IDLE_TIMEOUT_MS"
    );
    return limits;
}

UpstreamSettings read_shared(base::Environment& environment) {
    UpstreamSettings settings;
    settings.client = read_client_limits(environment);
    settings.ejection_ms = environment.integer_or(
        "EJECTION_MS", 1000, 1, 600000, "a pod that can't be reached in time is put aside so long"
    );
    settings.resolve_interval_ms = environment.integer_or(
        "RESOLVE_INTERVAL_MS", 2000, 50, 600000, "between look-ups of the names in ORDER_ORIGINS"
    );
    settings.deadline_margin_ms = environment.integer_or(
        "DEADLINE_MARGIN_MS", 50, 0, 10000, "so much less time is told to a room than is waited"
    );
    return settings;
}

}  // namespace

Config Config::read(base::Environment& environment) {
    Config config;
    config.access = service::AccessSettings::read(environment);
    const UpstreamSettings shared = read_shared(environment);
    config.auth = config.product = config.echo = config.order = shared;
    config.auth.room = "auth";
    config.auth.origins = {config.access.auth};
    config.product.room = "product";
    config.product.origins =
        read_origins(environment, "PRODUCT_ORIGIN", "where product is, host:port", false);
    config.echo.room = "echo";
    config.echo.origins =
        read_origins(environment, "ECHO_ORIGIN", "where echo is, host:port", false);
    config.order.room = "order";
    config.order.origins = read_origins(
        environment,
        "ORDER_ORIGINS",
        "where order's pods are: host:port, comma-separated; a name stands for all its addresses",
        true
    );
    config.order.resolve_to_pods = true;
    config.order.attempt_timeout_ms = environment.integer_or(
        "ORDER_ATTEMPT_TIMEOUT_MS", 2500, 1, 600000, "for one order pod, before another is asked"
    );
    config.trusted_proxies = service::TrustedProxies::read(environment);
    return config;
}

}  // namespace gateway
