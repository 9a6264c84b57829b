#pragma once

#include <expected>
#include <optional>
#include <string>

#include "http/message.hpp"
#include "order/api/messages.hpp"
#include "order/domain/order_event.hpp"
#include "order/domain/ordinary_order.hpp"
#include "order/domain/sale.hpp"
#include "order/domain/sale_rules.hpp"

namespace order::api {

OrderBody to_body(const SaleOrder& order);
OrderBody to_body(const OrdinaryOrder& order);
OrderEventBody to_body(const OrderEvent& event);
SaleBody to_body(const Sale& sale, std::int64_t now_ms);

/// Path parameter {id}; nullopt if it is no UUID.
std::optional<base::Uuid> id_of(const http::Request& request);

/// Query parameters of lists: `limit` 1 to 100 (default 20) and `cursor`.
struct Page {
    int limit = 20;
    std::optional<base::Uuid> cursor;
};
/// The problem is of the first that makes no sense.
std::expected<Page, FieldProblem> page_of(const http::Request& request);

/// The first 16 bytes of a text's SHA-256: keys and fingerprints as the tables keep them.
base::Uuid digest_of(std::string_view text);

}  // namespace order::api
