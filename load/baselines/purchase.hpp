#pragma once

#include <expected>

#include "baselines/seller.hpp"
#include "http/message.hpp"

namespace baselines {

struct Purchase {
    base::Uuid sale_id;
    Take take;  ///< without order_id and customer_id
};

/// Reads and checks what order's place_order reads and checks, or the answer that refuses it.
std::expected<Purchase, http::Response> read_purchase(const http::Request& request);

/// The answers of the order contract.
http::Response to_response(const Terms& terms, const Purchase& purchase, const TakeAnswer& answer);
http::Response sale_unknown();

}  // namespace baselines
