#include "echo/config.hpp"

namespace echo {

Config Config::read(base::Environment& environment) {
    Config config;
    config.show_headers = environment.flag_or(
        "SHOW_HEADERS", config.show_headers, "mirror the request's headers (Authorization redacted)"
    );
    return config;
}

}  // namespace echo
