#pragma once

#include <cstdint>
#include <string>

#include "base/environment.hpp"
#include "postgres/pool.hpp"
#include "service/access.hpp"

namespace product {

struct Config {
    postgres::PoolSettings database;
    service::AccessSettings access;
    service::ServiceCallers callers;
    std::string cursor_key;
    std::int64_t pages_kept_ms = 1000;
    std::int64_t categories_kept_ms = 10000;
    std::size_t pages_bytes_max = 16 << 20;

    static Config read(base::Environment& environment);
};

}  // namespace product
