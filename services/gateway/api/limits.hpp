#pragma once

#include <array>
#include <optional>
#include <string>

#include "gateway/api/sender.hpp"
#include "gateway/api/unattributed.hpp"
#include "gateway/store/rate_limiter.hpp"
#include "http/message.hpp"
#include "token/access_token.hpp"

namespace gateway {

/// Where a request stands with the limit it was counted against.
struct Standing {
    Limit limit;
    Allowance allowance;
};

/// Decides by whom and against what a request is counted, and says so in headers
/// (draft-ietf-httpapi-ratelimit-headers-11: RateLimit-Policy with the quota and the window in
/// which it comes back, RateLimit with what is left and when all of it is there again).
class Limits {
  public:
    Limits(RateLimiter& limiter, metrics::Registry& metrics);

    /// Counts a request. `claims`: of a token that was verified, of whatever role. nullopt if
    /// nothing limits it.
    std::optional<Standing> count(
        const Sender& sender, Limit limit, const std::optional<token::Claims>& claims
    );

    /// Whether the next request of this address would be granted; counts only a refusal. nullopt
    /// if nothing limits it.
    std::optional<Standing> look(const Sender& sender, Limit limit);

    /// 429 `rate_limited`, with Retry-After and the headers.
    http::Response refusal(const Standing& standing) const;
    void add_headers(const Standing& standing, http::Headers& headers) const;

  private:
    RateLimiter& limiter_;
    Unattributed unattributed_;
    std::array<std::string, limit_names.size()> policies_;  ///< RateLimit-Policy by Limit
};

/// A token in a request is no reason to try passwords faster.
bool is_by_address_always(Limit limit);

}  // namespace gateway
