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

struct WantedLineBody {
    base::Uuid product_id;
    std::int64_t quantity = 0;
};
BOOST_DESCRIBE_STRUCT(WantedLineBody, (), (product_id, quantity))

struct PlaceOrdinaryOrderBody {
    std::vector<WantedLineBody> lines;
};
BOOST_DESCRIBE_STRUCT(PlaceOrdinaryOrderBody, (), (lines))

struct PayBody {
    std::string payment_method;
};
BOOST_DESCRIBE_STRUCT(PayBody, (), (payment_method))

struct PaymentEventBody {
    base::Uuid id;
    std::string key;
    std::string state;
    std::int64_t amount_cents = 0;
    std::string currency;
    std::string created_at;
};
BOOST_DESCRIBE_STRUCT(PaymentEventBody, (), (id, key, state, amount_cents, currency, created_at))

struct TakenEventBody {
    std::string outcome;
};
BOOST_DESCRIBE_STRUCT(TakenEventBody, (), (outcome))

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

struct OrderLineBody {
    base::Uuid product_id;
    std::int64_t quantity = 0;
    std::optional<std::string> name;               ///< once reserved
    std::optional<std::int64_t> unit_price_cents;  ///< once reserved
};
BOOST_DESCRIBE_STRUCT(OrderLineBody, (), (product_id, quantity, name, unit_price_cents))

struct RefusalBody {
    std::string code;
    std::optional<base::Uuid> product_id;
    std::optional<std::int64_t> available;
};
BOOST_DESCRIBE_STRUCT(RefusalBody, (), (code, product_id, available))

/// An order of either kind. A flash sale's also has its one line's members at the top, and its
/// place in the sale.
struct OrderBody {
    base::Uuid order_id;
    std::string kind;
    std::string state;
    std::optional<base::Uuid> sale_id;
    std::optional<base::Uuid> product_id;
    std::optional<std::int64_t> quantity;
    std::optional<std::int64_t> unit_price_cents;
    std::optional<std::string> currency;
    std::optional<std::int64_t> total_cents;
    std::vector<OrderLineBody> lines;
    std::optional<std::int64_t> seq;
    std::optional<std::int64_t> pos;
    std::string created_at;
    std::optional<std::string> expires_at;
    std::optional<RefusalBody> refusal;
};
BOOST_DESCRIBE_STRUCT(
    OrderBody,
    (),
    (order_id,
     kind,
     state,
     sale_id,
     product_id,
     quantity,
     unit_price_cents,
     currency,
     total_cents,
     lines,
     seq,
     pos,
     created_at,
     expires_at,
     refusal)
)

struct OrderListBody {
    std::vector<OrderBody> orders;
    std::optional<std::string> next_cursor;
};
BOOST_DESCRIBE_STRUCT(OrderListBody, (), (orders, next_cursor))

struct OrderEventBody {
    std::string at;
    std::string kind;
    std::optional<std::int64_t> payment;
    std::optional<RefusalBody> refusal;
};
BOOST_DESCRIBE_STRUCT(OrderEventBody, (), (at, kind, payment, refusal))

struct OrderEventListBody {
    std::vector<OrderEventBody> events;
};
BOOST_DESCRIBE_STRUCT(OrderEventListBody, (), (events))

}  // namespace order::api
