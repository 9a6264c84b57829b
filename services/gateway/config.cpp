#include "gateway/config.hpp"

#include <algorithm>
#include <charconv>

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
        "UPSTREAM_WAITING_MAX", 1024, 1, 1000000, "requests waiting for such a connection; else 503"
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

EjectionLimits read_ejection(base::Environment& environment) {
    EjectionLimits limits;
    limits.first_ms = environment.integer_or(
        "EJECTION_MS",
        limits.first_ms,
        1,
        600000,
        "a pod that can't be reached in time is put aside so long; twice as long the next time"
    );
    limits.most_ms = environment.integer_or(
        "EJECTION_MAX_MS", limits.most_ms, 1, 600000, "but no longer than this"
    );
    limits.silent_percent_max = environment.integer_or(
        "EJECTION_SILENT_PERCENT_MAX",
        limits.silent_percent_max,
        0,
        100,
        "of a room's pods, but at least one, may be put aside for not answering in time"
    );
    return limits;
}

RetryBudgetLimits read_retries(base::Environment& environment) {
    RetryBudgetLimits limits;
    limits.percent = environment.integer_or(
        "RETRY_PERCENT_MAX", limits.percent, 0, 100, "of a room's requests may be sent twice"
    );
    limits.at_least = environment.integer_or(
        "RETRY_COUNT_MIN", limits.at_least, 0, 1000000, "may be, however few requests there are"
    );
    limits.window_ms = environment.integer_or(
        "RETRY_WINDOW_MS", limits.window_ms, 100, 600000, "over which both are counted"
    );
    return limits;
}

BreakerLimits read_breaker(base::Environment& environment) {
    BreakerLimits limits;
    limits.failures_min = environment.integer_or(
        "BREAKER_FAILURES_MIN",
        limits.failures_min,
        1,
        1000000,
        "requests that a room left without an answer, before it is not asked for a while"
    );
    limits.failures_percent = environment.integer_or(
        "BREAKER_FAILURES_PERCENT", limits.failures_percent, 1, 100, "of all, at least, too"
    );
    limits.window_ms = environment.integer_or(
        "BREAKER_WINDOW_MS", limits.window_ms, 100, 600000, "over which both are counted"
    );
    limits.open_ms = environment.integer_or(
        "BREAKER_OPEN_MS",
        limits.open_ms,
        1,
        600000,
        "so long, at first; then one request at a time probes, and each failure doubles it"
    );
    limits.open_max_ms = environment.integer_or(
        "BREAKER_OPEN_MAX_MS", limits.open_max_ms, 1, 600000, "but no longer than this"
    );
    limits.probes_to_close = environment.integer_or(
        "BREAKER_PROBES", limits.probes_to_close, 1, 1000, "answered in a row: it is asked again"
    );
    return limits;
}

UpstreamSettings read_shared(base::Environment& environment) {
    UpstreamSettings settings;
    settings.client = read_client_limits(environment);
    settings.admin_connections_max = static_cast<std::size_t>(environment.integer_or(
        "UPSTREAM_ADMIN_CONNECTIONS_MAX", 8, 1, 1000, "further ones, for administrators only"
    ));
    settings.ejection = read_ejection(environment);
    settings.retries = read_retries(environment);
    settings.breaker = read_breaker(environment);
    settings.silent_after_ms = environment.integer_or(
        "SILENT_AFTER_MS",
        settings.silent_after_ms,
        1,
        600000,
        "a room that had so long and gave no answer has failed; with less it was the caller"
    );
    settings.resolve_interval_ms = environment.integer_or(
        "RESOLVE_INTERVAL_MS", 2000, 50, 600000, "between look-ups of the names in ORDER_ORIGINS"
    );
    settings.deadline_margin_ms = environment.integer_or(
        "DEADLINE_MARGIN_MS", 50, 0, 10000, "so much less time is told to a room than is waited"
    );
    return settings;
}

/// "40/10": so many requests, which come back within so many seconds; "off": no limit.
Quota read_quota(
    base::Environment& environment, const char* name, const char* fallback, const char* meaning
) {
    constexpr std::int64_t requests_most = 1'000'000'000;
    constexpr std::int64_t seconds_most = 86'400;
    constexpr std::int64_t second_us = 1'000'000;
    const std::string text = environment.text_or(name, fallback, meaning);
    if (text == "off") return {};
    Quota quota;
    std::int64_t seconds = 0;
    const char* const end = text.data() + text.size();
    const auto requests_read = std::from_chars(text.data(), end, quota.requests);
    bool is_read =
        requests_read.ec == std::errc{} && requests_read.ptr != end && *requests_read.ptr == '/';
    if (is_read) {
        const auto seconds_read = std::from_chars(requests_read.ptr + 1, end, seconds);
        is_read = seconds_read.ec == std::errc{} && seconds_read.ptr == end;
    }
    if (!is_read || quota.requests < 1 || quota.requests > requests_most || seconds < 1 ||
        seconds > seconds_most) {
        environment.problem(
            name, "is \"" + text + "\"", "Write requests/seconds, for example 40/10, or off"
        );
        return {};
    }
    quota.window_us = seconds * second_us;
    return quota;
}

/// What a person does in a browser, several times over. Addresses may stand for a whole office.
RateLimiterSettings read_rate_limits(base::Environment& environment) {
    RateLimiterSettings settings;
    const auto read = [&](Limit limit, const char* name, const char* fallback, const char* meaning
                      ) {
        settings.quotas[static_cast<std::size_t>(limit)] =
            read_quota(environment, name, fallback, meaning);
    };
    read(
        Limit::sign_in,
        "RATE_LIMIT_SIGN_IN",
        "600/60",
        "register and login, by client address: requests/seconds, or off"
    );
    read(Limit::refresh, "RATE_LIMIT_REFRESH", "600/60", "refresh and logout, by client address");
    read(
        Limit::browse,
        "RATE_LIMIT_BROWSE",
        "600/10",
        "what anyone may ask, by account or else by client address"
    );
    read(Limit::account, "RATE_LIMIT_ACCOUNT", "100/10", "what customers may ask, by account");
    read(Limit::purchase, "RATE_LIMIT_PURCHASE", "60/6", "purchases, by account");
    read(Limit::admin, "RATE_LIMIT_ADMIN", "1000/10", "what administrators may, by account");
    read(
        Limit::invalid_token,
        "RATE_LIMIT_INVALID_TOKEN",
        "6000/60",
        "tokens with a wrong signature, by client address; then only known ones are taken from it"
    );
    settings.entries_max = static_cast<std::size_t>(environment.integer_or(
        "RATE_LIMIT_ENTRIES_MAX",
        static_cast<std::int64_t>(settings.entries_max),
        8,
        100'000'000,
        "accounts and addresses remembered, 48 bytes each"
    ));
    settings.interval_ms = environment.integer_or(
        "RATE_LIMIT_SHARE_INTERVAL_MS",
        settings.interval_ms,
        1,
        60000,
        "between two calls of Redis, which tell other gateways of busy clients"
    );
    settings.timeout_ms = environment.integer_or(
        "RATE_LIMIT_SHARE_TIMEOUT_MS", settings.timeout_ms, 1, 60000, "of such a call"
    );
    settings.redis = redis::Settings::read(environment);
    return settings;
}

BusyLimits read_busy(base::Environment& environment) {
    BusyLimits limits;
    limits.for_max_ms = environment.integer_or(
        "BUSY_FOR_MAX_MS",
        limits.for_max_ms,
        0,
        60000,
        "a room that says it is busy is not asked the same so long, at most; 0: always asked"
    );
    limits.paths_max = static_cast<std::size_t>(environment.integer_or(
        "BUSY_PATHS_MAX",
        static_cast<std::int64_t>(limits.paths_max),
        1,
        1'000'000,
        "requests that rooms are too busy for, remembered at once"
    ));
    return limits;
}

void read_cors(base::Environment& environment, Config& config) {
    std::string wrong_part;
    config.cors_allowed = CrossOrigin::parse(
        environment.text_or(
            "CORS_ORIGINS", "", "sites whose pages may use the shop: https://shop.example,... or *"
        ),
        wrong_part
    );
    if (!wrong_part.empty()) {
        environment.problem(
            "CORS_ORIGINS",
            "has \"" + wrong_part + "\"",
            "Write origins as browsers send them, for example https://shop.example"
        );
    }
    config.cors_credentials =
        environment.flag_or("CORS_CREDENTIALS", false, "their pages may send cookies");
    if (config.cors_credentials && config.cors_allowed.allows_all()) {
        environment.problem(
            "CORS_CREDENTIALS", "is true while CORS_ORIGINS is *", "Name the origins instead"
        );
    }
    config.cors_max_age_s = environment.integer_or(
        "CORS_MAX_AGE_S", config.cors_max_age_s, 0, 86400, "browsers may remember what is allowed"
    );
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
    config.read_deadline_ms = environment.integer_or(
        "READ_DEADLINE_MS",
        config.read_deadline_ms,
        1,
        600000,
        "a read's longest; never longer than REQUEST_TIMEOUT_MS or the caller's X-Deadline-Ms"
    );
    config.write_deadline_ms = environment.integer_or(
        "WRITE_DEADLINE_MS", config.write_deadline_ms, 1, 600000, "of what changes something"
    );
    config.trusted_proxies = service::TrustedProxies::read(environment);
    config.limits = read_rate_limits(environment);
    config.busy = read_busy(environment);
    read_cors(environment, config);
    return config;
}

}  // namespace gateway
