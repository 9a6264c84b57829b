#pragma once

#include <cstdint>
#include <string>

#include <boost/describe/class.hpp>

#include "base/uuid.hpp"

// What a webhook carries: PaymentEvent of contracts/order.openapi.yaml.

namespace payment {

struct EventMessage {
    base::Uuid id;
    std::string key;
    std::string state;
    std::int64_t amount_cents = 0;
    std::string currency;
    std::string created_at;
};
BOOST_DESCRIBE_STRUCT(EventMessage, (), (id, key, state, amount_cents, currency, created_at))

}  // namespace payment
