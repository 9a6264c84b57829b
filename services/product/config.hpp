#pragma once

#include "base/environment.hpp"
#include "postgres/pool.hpp"
#include "service/access.hpp"

namespace product {

struct Config {
    postgres::PoolSettings database;
    service::AccessSettings access;
    service::ServiceCallers callers;

    static Config read(base::Environment& environment);
};

}  // namespace product
