#include "product/config.hpp"

namespace product {

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
    return config;
}

}  // namespace product
