#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/describe/class.hpp>

#include "base/uuid.hpp"

// The JSON shapes of contracts/order.openapi.yaml.

namespace order::api {

struct PlaceOrderBody {
    std::int32_t quantity = 0;
};
BOOST_DESCRIBE_STRUCT(PlaceOrderBody, (), (quantity))

struct PayBody {
    std::string payment_method;
};
BOOST_DESCRIBE_STRUCT(PayBody, (), (payment_method))

struct CreateSaleBody {
    base::Uuid product_id;
    std::string name;
    std::int64_t units = 0;
    std::int64_t unit_price_cents = 0;
    std::string currency;
    std::string starts_at;
    std::string ends_at;
    std::optional<std::int64_t> units_per_customer;
    std::optional<std::int64_t> holds_per_customer;
    std::optional<std::int64_t> hold_ms;
};
BOOST_DESCRIBE_STRUCT(
    CreateSaleBody,
    (),
    (product_id,
     name,
     units,
     unit_price_cents,
     currency,
     starts_at,
     ends_at,
     units_per_customer,
     holds_per_customer,
     hold_ms)
)

struct SaleBody {
    base::Uuid id;
    base::Uuid product_id;
    std::string name;
    std::string state;
    std::int64_t unit_price_cents = 0;
    std::string currency;
    std::int64_t units = 0;
    std::int64_t remaining = 0;
    bool sold_out = false;
    std::int64_t units_per_customer = 0;
    std::int64_t holds_per_customer = 0;
    std::int64_t hold_ms = 0;
    std::string starts_at;
    std::string ends_at;
    std::int64_t seq = 0;
    std::optional<std::int64_t> sold;      ///< fixed at settlement
    std::optional<std::int64_t> released;  ///< fixed at settlement
    std::optional<std::string> refusal;
};
BOOST_DESCRIBE_STRUCT(
    SaleBody,
    (),
    (id,
     product_id,
     name,
     state,
     unit_price_cents,
     currency,
     units,
     remaining,
     sold_out,
     units_per_customer,
     holds_per_customer,
     hold_ms,
     starts_at,
     ends_at,
     seq,
     sold,
     released,
     refusal)
)

struct SaleListBody {
    std::vector<SaleBody> flash_sales;
    std::optional<std::string> next_cursor;
};
BOOST_DESCRIBE_STRUCT(SaleListBody, (), (flash_sales, next_cursor))

struct OrderBody {
    base::Uuid order_id;
    base::Uuid sale_id;
    base::Uuid product_id;
    std::int64_t quantity = 0;
    std::int64_t unit_price_cents = 0;
    std::string currency;
    std::string state;
    std::int64_t seq = 0;
    std::int64_t pos = 0;
    std::string expires_at;
};
BOOST_DESCRIBE_STRUCT(
    OrderBody,
    (),
    (order_id,
     sale_id,
     product_id,
     quantity,
     unit_price_cents,
     currency,
     state,
     seq,
     pos,
     expires_at)
)

struct OrderListBody {
    std::vector<OrderBody> orders;
    std::optional<std::string> next_cursor;
};
BOOST_DESCRIBE_STRUCT(OrderListBody, (), (orders, next_cursor))

}  // namespace order::api
