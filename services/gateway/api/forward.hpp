#pragma once

#include <chrono>
#include <expected>
#include <optional>

#include "gateway/api/headers.hpp"
#include "gateway/api/limits.hpp"
#include "gateway/clients/upstream.hpp"
#include "http/message.hpp"
#include "service/access.hpp"

namespace gateway {

/// Who may use a route. The room behind it checks again.
enum class Caller { anyone, customer, admin };

struct Passage {
    Upstream* room = nullptr;
    Caller caller = Caller::admin;
    /// Sent twice it has the effect of once, even without an Idempotency-Key.
    bool is_repeatable = false;
    Limit limit = Limit::admin;
    /// The longest that a caller waits; one who names a shorter time in X-Deadline-Ms waits less.
    std::chrono::milliseconds patience{10000};
    Pace pace = Pace::usual;
};

/// Checks who asks and how often, and passes the request on. Lives as long as the router that calls
/// it.
class Door {
  public:
    Door(service::Access& access, Limits& limits, const service::TrustedProxies& proxies)
        : access_(access), limits_(limits), proxies_(proxies) {}

    /// Empties `request`'s headers and body.
    net::awaitable<http::Response> pass(http::Request& request, Passage passage);

  private:
    using Identity = std::optional<token::Claims>;

    /// Who asks, nullopt if nobody says so and nobody needs to; or why that is refused.
    std::expected<Identity, http::Problem> identify(const http::Request& request, Caller caller);

    service::Access& access_;
    Limits& limits_;
    const service::TrustedProxies& proxies_;
};

}  // namespace gateway
