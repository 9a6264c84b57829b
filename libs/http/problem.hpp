#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/message.hpp"

namespace http {

/// Of a room's 503: for so many milliseconds it wants to be asked the same by nobody. For the
/// gateway, which heeds and strips it (ADR 0048).
inline constexpr std::string_view busy_for_header = "X-Busy-For-Ms";

/// An RFC 9457 problem document. `code` is the stable, machine-readable name that contracts list.
struct Problem {
    int status = 500;
    std::string code = {};    ///< "sold_out", "invalid_field", ...
    std::string detail = {};  ///< one sentence for a person, how to fix included
    /// Path of the offending field ("lines[0].quantity", "header Idempotency-Key").
    std::string field = {};
    std::optional<int> retry_after_s = {};
    /// Further members, already JSON: {"remaining", "3"}.
    std::vector<std::pair<std::string, std::string>> members = {};
};

/// application/problem+json with type, title, status, code, detail, field, members; Retry-After;
/// for a 401 WWW-Authenticate: Bearer.
Response to_response(const Problem& problem);

}  // namespace http
