#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "http/message.hpp"
#include "http/problem.hpp"

namespace service {

/// How a room proves to another one, without a connection or an account of its own there, that an
/// event is its: `Webhook-Signature: t=<unix seconds>,v1=<hex>`, the HMAC-SHA256 of
/// "<unix seconds>.<body>" under a secret that the two share. The time is signed, so an event that
/// somebody kept is worth nothing later; who receives it must bear it twice within the tolerance.
constexpr std::string_view webhook_signature_header = "Webhook-Signature";

/// How far the signed time may lie from the receiver's clock, in either direction.
constexpr std::int64_t webhook_tolerance_s = 300;

/// The header's value. Made anew for each delivery.
std::string sign_webhook(std::string_view secret, std::int64_t now_s, std::string_view body);

/// Looks at the header and the bytes of the body, which needn't be parsed for it; digests are
/// compared in constant time. 401 `signature_invalid` (missing, there twice, malformed or another
/// secret's) or 401 `signature_expired` (genuine, but of another time).
std::expected<void, http::Problem> check_webhook(
    const http::Request& request, std::string_view secret, std::int64_t now_s
);

}  // namespace service
