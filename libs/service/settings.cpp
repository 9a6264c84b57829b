#include "service/settings.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace service {

namespace {

constexpr std::int64_t timeout_ms_max = 600000;

void read_times(base::Environment& environment, http::ServerLimits& limits) {
    const auto time = [&](const char* name, std::int64_t fallback, const char* meaning) {
        return environment.integer_or(name, fallback, 1, timeout_ms_max, meaning);
    };
    limits.header_timeout_ms = time(
        "HEADER_TIMEOUT_MS",
        limits.header_timeout_ms,
        "from a request's first byte to its headers' end"
    );
    limits.body_timeout_ms = time(
        "BODY_TIMEOUT_MS", limits.body_timeout_ms, "to receive a body, and to send a response"
    );
    limits.idle_timeout_ms =
        time("IDLE_TIMEOUT_MS", limits.idle_timeout_ms, "between requests of a connection");
    limits.request_timeout_ms =
        time("REQUEST_TIMEOUT_MS", limits.request_timeout_ms, "a request's longest deadline");
    limits.drain_timeout_ms =
        time("DRAIN_TIMEOUT_MS", limits.drain_timeout_ms, "after SIGTERM, for requests under way");
}

http::ServerLimits read_limits(base::Environment& environment) {
    http::ServerLimits limits;
    const auto size =
        [&](const char* name, std::size_t fallback, std::int64_t most, const char* meaning) {
            return static_cast<std::size_t>(
                environment.integer_or(name, static_cast<std::int64_t>(fallback), 1, most, meaning)
            );
        };
    limits.connections_max =
        size("CONNECTIONS_MAX", limits.connections_max, 1000000, "open connections; more get 503");
    limits.connections_per_address_max = static_cast<std::size_t>(environment.integer_or(
        "CONNECTIONS_PER_ADDRESS_MAX",
        0,
        0,
        1000000,
        "of those, from one address; 0: no limit, as behind a proxy, which is one address"
    ));
    limits.requests_max =
        size("REQUESTS_MAX", limits.requests_max, 1000000, "under way at once; else 503 at once");
    limits.requests_reserved = size(
        "REQUESTS_RESERVED", limits.requests_reserved, 100000, "more than those, for operators"
    );
    limits.unsent_bytes_max = size(
        "UNSENT_BYTES_MAX",
        limits.unsent_bytes_max,
        1LL << 40,
        "of answers that callers are slow to read, in sum; beyond it an answer is cut off"
    );
    limits.received_bytes_max = size(
        "RECEIVED_BYTES_MAX",
        limits.received_bytes_max,
        1LL << 40,
        "of bodies in sum, until they are answered; beyond it 503 for who is still sending"
    );
    limits.pipelined_max = size(
        "PIPELINED_MAX",
        limits.pipelined_max,
        1000000,
        "requests of a connection without a pause; then it is closed"
    );
    limits.header_fields_max = size(
        "HEADER_FIELDS_MAX", limits.header_fields_max, 10000, "headers of a request; else 431"
    );
    limits.gzip_bytes_min = static_cast<std::size_t>(environment.integer_or(
        "GZIP_BYTES_MIN",
        static_cast<std::int64_t>(limits.gzip_bytes_min),
        0,
        1 << 30,
        "answers of so many bytes are compressed for who takes it; 0: none"
    ));
    limits.body_bytes_per_s_min = environment.integer_or(
        "BODY_BYTES_PER_S_MIN",
        limits.body_bytes_per_s_min,
        1,
        1 << 30,
        "each so many bytes of a body give its sender a second more"
    );
    limits.header_bytes_max = size(
        "HEADER_BYTES_MAX", limits.header_bytes_max, 1 << 20, "request line and headers; else 431"
    );
    limits.body_bytes_max =
        size("BODY_BYTES_MAX", limits.body_bytes_max, 1 << 30, "a request's body; else 413");
    read_times(environment, limits);
    return limits;
}

http::AccessLogSettings read_access_log(base::Environment& environment) {
    using enum http::AccessLogMode;
    constexpr std::array<std::pair<std::string_view, http::AccessLogMode>, 4> modes{
        {{"off", off}, {"errors", errors}, {"sampled", sampled}, {"on", on}}
    };
    http::AccessLogSettings settings;
    const auto text = environment.text_or(
        "ACCESS_LOG",
        "errors",
        "requests written to standard output: off, errors (500 and more), sampled or on"
    );
    const auto found = std::ranges::find(modes, std::string_view(text), [](const auto& each) {
        return each.first;
    });
    if (found != modes.end()) {
        settings.mode = found->second;
    } else {
        environment.problem(
            "ACCESS_LOG", "is \"" + text + "\"", "Set it to off, errors, sampled or on"
        );
    }
    settings.sample_every = environment.integer_or(
        "ACCESS_LOG_SAMPLE", settings.sample_every, 1, 1000000, "sampled: one request in so many"
    );
    settings.lines_per_s_max = environment.integer_or(
        "ACCESS_LOG_LINES_PER_S_MAX",
        settings.lines_per_s_max,
        1,
        1000000,
        "errors and sampled: more are dropped and counted"
    );
    return settings;
}

}  // namespace

Settings Settings::read(base::Environment& environment) {
    Settings settings;
    settings.listen_address =
        environment.text_or("LISTEN_ADDRESS", "0.0.0.0", "numeric address to serve on");
    const auto port = [&](const char* name, std::int64_t fallback, const char* meaning) {
        return static_cast<std::uint16_t>(environment.integer_or(name, fallback, 0, 65535, meaning)
        );
    };
    settings.listen_port = port("LISTEN_PORT", 8080, "port to serve on; 0 takes a free one");
    settings.health_port =
        port("HEALTH_PORT", 9080, "port of /livez, /readyz and /metrics; 0 takes a free one");
    const auto level =
        environment.text_or("LOG_LEVEL", "info", "lowest level: debug, info, warning or error");
    if (!logging::parse_level(level, settings.log_level)) {
        environment.problem(
            "LOG_LEVEL", "is \"" + level + "\"", "Set it to debug, info, warning or error"
        );
    }
    settings.limits = read_limits(environment);
    settings.access_log = read_access_log(environment);
    settings.drain_delay_ms = environment.integer_or(
        "DRAIN_DELAY_MS",
        0,
        0,
        timeout_ms_max,
        "after SIGTERM, keep serving this long while not ready, for load balancers to notice"
    );
    return settings;
}

}  // namespace service
