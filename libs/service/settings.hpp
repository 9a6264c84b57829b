#pragma once

#include <cstdint>
#include <string>

#include "base/environment.hpp"
#include "http/access_log.hpp"
#include "http/server.hpp"
#include "logging/logging.hpp"

namespace service {

/// What every room can be told.
struct Settings {
    std::string listen_address;
    std::uint16_t listen_port = 0;
    std::uint16_t health_port = 0;
    logging::Level log_level = logging::Level::info;
    http::ServerLimits limits;
    http::AccessLogSettings access_log;
    std::int64_t drain_delay_ms = 0;

    static Settings read(base::Environment& environment);
};

}  // namespace service
