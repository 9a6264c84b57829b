#include "logging/logging.hpp"

#include <cmath>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "base/encoding.hpp"
#include "base/timestamp.hpp"

namespace logging {

namespace {

/// What configure() sets. Written at start-up only, before any other thread exists.
struct Sink {
    std::string service_json = "\"\"";
    Level lowest = Level::info;
    spdlog::logger logger{"doorbuster", std::make_shared<spdlog::sinks::stderr_sink_mt>()};

    Sink() {
        logger.set_pattern("%v");
        logger.set_level(spdlog::level::trace);
    }
};

Sink& sink() {
    static Sink only;
    return only;
}

std::string_view name_of(Level level) {
    switch (level) {
        case Level::debug:
            return "debug";
        case Level::info:
            return "info";
        case Level::warning:
            return "warning";
        case Level::error:
            return "error";
    }
    return "error";
}

spdlog::level::level_enum spdlog_level(Level level) {
    switch (level) {
        case Level::debug:
            return spdlog::level::debug;
        case Level::info:
            return spdlog::level::info;
        case Level::warning:
            return spdlog::level::warn;
        case Level::error:
            return spdlog::level::err;
    }
    return spdlog::level::err;
}

struct AppendValue {
    std::string& line;

    void operator()(std::int64_t number) const { line += std::to_string(number); }
    void operator()(bool flag) const { line += flag ? "true" : "false"; }
    void operator()(std::string_view text) const { base::append_json_string(line, text); }
    void operator()(double number) const {
        // JSON has no infinities.
        line += std::isfinite(number) ? fmt::format("{}", number) : "null";
    }
};

}  // namespace

void configure(std::string_view service, Level lowest) {
    std::string service_json;
    base::append_json_string(service_json, service);
    sink().service_json = std::move(service_json);
    sink().lowest = lowest;
}

bool parse_level(std::string_view text, Level& level) {
    for (const Level each : {Level::debug, Level::info, Level::warning, Level::error}) {
        if (text == name_of(each)) {
            level = each;
            return true;
        }
    }
    return false;
}

bool enabled(Level level) {
    return level >= sink().lowest;
}

void write(Level level, std::string_view message, Fields fields) {
    if (!enabled(level)) return;
    std::string line;
    line.reserve(192);
    line += "{\"time\":\"";
    line += base::format_timestamp(base::unix_now_ms());
    line += "\",\"level\":\"";
    line += name_of(level);
    line += "\",\"service\":";
    line += sink().service_json;
    line += ",\"message\":";
    base::append_json_string(line, message);
    for (const Field& field : fields) {
        line += ',';
        base::append_json_string(line, field.name);
        line += ':';
        std::visit(AppendValue{line}, field.value);
    }
    line += '}';
    sink().logger.log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace logging
