#pragma once

#include <string>

#include "base/environment.hpp"
#include "http/client.hpp"
#include "payment/clients/courier.hpp"
#include "payment/domain/script.hpp"
#include "payment/store/charge_batches.hpp"
#include "postgres/pool.hpp"
#include "service/access.hpp"

namespace payment {

/// Everything the room can be told from outside.
struct Config {
    postgres::PoolSettings database;
    service::ServiceCallers callers;
    http::Origin order;          ///< where webhooks go
    std::string webhook_secret;  ///< shared with order
    ChargeLimits charges;
    CourierLimits courier;
    Timings timings;

    static Config read(base::Environment& environment);
};

}  // namespace payment
