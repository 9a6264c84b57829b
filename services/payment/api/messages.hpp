#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <boost/describe/class.hpp>

// The JSON shapes of contracts/payment.openapi.yaml.

namespace payment::api {

struct NewChargeBody {
    std::string key;
    std::int64_t amount_cents = 0;
    std::string currency;
    std::string method;
};
BOOST_DESCRIBE_STRUCT(NewChargeBody, (), (key, amount_cents, currency, method))

struct ChargeBody {
    std::string key;
    std::string state;
    std::optional<std::int64_t> amount_cents;
    std::optional<std::string> currency;
    std::optional<std::string> method;
    std::string created_at;
    std::string changed_at;
};
BOOST_DESCRIBE_STRUCT(
    ChargeBody, (), (key, state, amount_cents, currency, method, created_at, changed_at)
)

}  // namespace payment::api
