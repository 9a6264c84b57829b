#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/describe/class.hpp>

#include "base/uuid.hpp"

// The JSON shapes of contracts/product.openapi.yaml.

namespace product::api {

struct ProductBody {
    base::Uuid id;
    std::string name;
    std::string description;
    std::string category;
    std::int64_t price_cents = 0;
    std::string currency;
    std::string image;
    bool archived = false;
    std::int64_t stock = 0;
    std::int64_t reserved = 0;
    std::int64_t available = 0;
    std::int64_t version = 0;
    std::string created_at;
    std::string updated_at;
};
BOOST_DESCRIBE_STRUCT(
    ProductBody,
    (),
    (id,
     name,
     description,
     category,
     price_cents,
     currency,
     image,
     archived,
     stock,
     reserved,
     available,
     version,
     created_at,
     updated_at)
)

struct ProductListBody {
    std::vector<ProductBody> products;
    std::optional<std::string> next_cursor;
};
BOOST_DESCRIBE_STRUCT(ProductListBody, (), (products, next_cursor))

struct CategoryBody {
    std::string name;
    std::int64_t products = 0;
};
BOOST_DESCRIBE_STRUCT(CategoryBody, (), (name, products))

struct CategoryListBody {
    std::vector<CategoryBody> categories;
};
BOOST_DESCRIBE_STRUCT(CategoryListBody, (), (categories))

struct CreateProductBody {
    std::string name;
    std::optional<std::string> description;
    std::string category;
    std::int64_t price_cents = 0;
    std::string currency;
    std::optional<std::string> image;
    std::optional<std::int64_t> initial_stock;
};
BOOST_DESCRIBE_STRUCT(
    CreateProductBody,
    (),
    (name, description, category, price_cents, currency, image, initial_stock)
)

struct ChangeProductBody {
    std::optional<std::string> name;
    std::optional<std::string> description;
    std::optional<std::string> category;
    std::optional<std::int64_t> price_cents;
    std::optional<std::string> image;
    std::optional<bool> archived;
    std::optional<std::int64_t> version;
};
BOOST_DESCRIBE_STRUCT(
    ChangeProductBody, (), (name, description, category, price_cents, image, archived, version)
)

struct RestockBody {
    std::int64_t quantity = 0;
    std::optional<std::string> reason;
};
BOOST_DESCRIBE_STRUCT(RestockBody, (), (quantity, reason))

struct RestockedBody {
    base::Uuid product_id;
    std::int64_t quantity = 0;
    std::optional<std::string> reason;
    std::int64_t stock = 0;
    std::int64_t reserved = 0;
    std::int64_t available = 0;
};
BOOST_DESCRIBE_STRUCT(RestockedBody, (), (product_id, quantity, reason, stock, reserved, available))

struct LineBody {
    base::Uuid product_id;
    std::int64_t quantity = 0;
};
BOOST_DESCRIBE_STRUCT(LineBody, (), (product_id, quantity))

struct ReserveBody {
    base::Uuid id;
    std::string purpose;
    std::vector<LineBody> lines;
    std::optional<std::int64_t> expires_in_ms;
};
BOOST_DESCRIBE_STRUCT(ReserveBody, (), (id, purpose, lines, expires_in_ms))

struct SoldBody {
    base::Uuid product_id;
    std::int64_t sold = 0;
};
BOOST_DESCRIBE_STRUCT(SoldBody, (), (product_id, sold))

struct SettleBody {
    std::vector<SoldBody> lines;
};
BOOST_DESCRIBE_STRUCT(SettleBody, (), (lines))

struct ReservationLineBody {
    base::Uuid product_id;
    std::int64_t quantity = 0;
    std::int64_t sold = 0;
    std::string name;
    std::int64_t price_cents = 0;
    std::string currency;
};
BOOST_DESCRIBE_STRUCT(
    ReservationLineBody, (), (product_id, quantity, sold, name, price_cents, currency)
)

struct ReservationBody {
    base::Uuid id;
    std::optional<std::string> purpose;
    std::string state;
    std::vector<ReservationLineBody> lines;
    std::optional<std::string> expires_at;
    std::string created_at;
    std::optional<std::string> closed_at;
};
BOOST_DESCRIBE_STRUCT(
    ReservationBody, (), (id, purpose, state, lines, expires_at, created_at, closed_at)
)

struct ReturnBody {
    base::Uuid id;
    base::Uuid order_id;
    std::vector<LineBody> lines;
};
BOOST_DESCRIBE_STRUCT(ReturnBody, (), (id, order_id, lines))

struct ReturnedBody {
    base::Uuid id;
    base::Uuid order_id;
    std::vector<LineBody> lines;
    std::string created_at;
};
BOOST_DESCRIBE_STRUCT(ReturnedBody, (), (id, order_id, lines, created_at))

}  // namespace product::api
