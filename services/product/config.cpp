#include "product/config.hpp"

namespace product {
namespace {

constexpr std::size_t cursor_key_bytes_min = 32;

}  // namespace

Config Config::read(base::Environment& environment) {
    Config config;
    config.database.url =
        environment.secret("DATABASE_URL", 1, "postgresql://user:password@host:port/database");
    config.database.application_name = "product";
    config.database.connections_max = static_cast<std::size_t>(
        environment.integer_or("DATABASE_CONNECTIONS_MAX", 4, 1, 64, "connections to PostgreSQL")
    );
    config.access = service::AccessSettings::read(environment);
    config.callers = service::ServiceCallers::read(environment);
    config.cursor_key = environment.secret(
        "CURSOR_SIGNING_KEY",
        cursor_key_bytes_min,
        "signs the cursors of lists; of all pods the same"
    );
    config.pages_kept_ms = environment.integer_or(
        "PAGES_KEPT_MS",
        1000,
        0,
        60000,
        "how old a page of a list may be, except for admins; 0: never"
    );
    config.categories_kept_ms = environment.integer_or(
        "CATEGORIES_KEPT_MS",
        10000,
        0,
        600000,
        "how old the list of categories may be, except for admins; 0: never"
    );
    config.pages_bytes_max = static_cast<std::size_t>(environment.integer_or(
        "PAGES_BYTES_MAX", 16 << 20, 1 << 20, 1 << 30, "memory for pages that are kept"
    ));
    return config;
}

}  // namespace product
