#pragma once

#include <string>

#include "base/environment.hpp"
#include "http/client.hpp"
#include "order/clients/payment_client.hpp"
#include "order/engine/checkout.hpp"
#include "order/engine/payments.hpp"
#include "order/engine/sale_engine.hpp"
#include "order/engine/steward.hpp"
#include "postgres/pool.hpp"
#include "redis/client.hpp"
#include "service/access.hpp"

namespace order {

/// Everything the room can be told from outside.
struct Config {
    postgres::PoolSettings database;      ///< for everything but the hot path
    postgres::PoolSettings hot_database;  ///< one connection per sale that is being sold
    redis::Settings redis;
    service::AccessSettings access;
    service::ServiceCallers callers;
    http::Origin product;
    http::Origin payment;
    PaymentClient::Limits payment_client;
    std::string webhook_secret;  ///< shared with payment, which signs its events with it
    std::string service_name;
    std::string service_secret;
    std::string advertised_address;  ///< where other pods reach this one
    EngineLimits engine;
    PaymentLimits payments;
    CheckoutLimits checkout;
    StewardLimits steward;

    static Config read(base::Environment& environment);
};

}  // namespace order
