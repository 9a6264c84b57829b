#pragma once

#include "base/environment.hpp"
#include "postgres/pool.hpp"
#include "redis/client.hpp"
#include "service/access.hpp"

namespace baselines {

struct Config {
    bool uses_lock = true;  ///< lock-per-request; else row-update
    postgres::PoolSettings database;
    redis::Settings redis;
    service::AccessSettings access;

    static Config read(base::Environment& environment);
};

}  // namespace baselines
