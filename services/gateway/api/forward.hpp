#pragma once

#include "gateway/api/headers.hpp"
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
};

/// Checks who asks and passes the request on. Lives as long as the router that calls it.
class Door {
  public:
    Door(service::Access& access, service::TrustedProxies proxies)
        : access_(access), proxies_(std::move(proxies)) {}

    /// Empties `request`'s headers and body.
    net::awaitable<http::Response> pass(http::Request& request, Passage passage);

  private:
    std::optional<http::Problem> refusal(const http::Request& request, Caller caller);

    service::Access& access_;
    service::TrustedProxies proxies_;
};

}  // namespace gateway
