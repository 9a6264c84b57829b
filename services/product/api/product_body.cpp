#include "product/api/product_body.hpp"

#include "base/timestamp.hpp"

namespace product::api {

ProductBody to_body(const Product& product) {
    ProductBody body;
    body.id = product.id;
    body.name = product.name;
    body.description = product.description;
    body.category = product.category;
    body.price_cents = product.price_cents;
    body.currency = product.currency;
    body.image = product.image;
    body.archived = product.archived;
    body.stock = product.stock;
    body.reserved = product.reserved;
    body.available = product.available();
    body.version = product.version;
    body.created_at = base::format_timestamp(product.created_at_ms);
    body.updated_at = base::format_timestamp(product.updated_at_ms);
    return body;
}

}  // namespace product::api
