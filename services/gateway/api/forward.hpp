#pragma once

#include <chrono>
#include <expected>
#include <optional>

#include "gateway/api/limits.hpp"
#include "gateway/api/sender.hpp"
#include "gateway/clients/upstream.hpp"
#include "gateway/domain/busy_paths.hpp"
#include "http/message.hpp"
#include "http/problem.hpp"
#include "http/router.hpp"
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
    Door(
        service::Access& access,
        Limits& limits,
        const service::TrustedProxies& proxies,
        metrics::Registry& metrics,
        const BusyLimits& busy
    );

    /// Takes `request`'s headers, but for Origin, and its body.
    net::awaitable<http::Response> pass(http::Request& request, Passage passage);

    /// `handler`, which answers without asking a room, counted against `browse` by address, whoever
    /// is signed in: a few static pages are worth no look at a token.
    http::Handler counted(http::Handler handler);

  private:
    using Identity = std::optional<token::Claims>;
    /// Why a token is not taken, and where its sender stands with Limit::invalid_token where that
    /// has to do with it.
    struct NotTaken {
        http::Problem problem;
        std::optional<Standing> standing;
    };

    /// Also notes it for the log, which is to name who was refused as well.
    Sender sender_of(const http::Request& request) const;
    /// Who asks, nullopt if nobody says so and nobody needs to; or why that is refused.
    std::expected<Identity, http::Response> identify(
        const http::Request& request, const Sender& sender, const Passage& passage
    );
    std::expected<token::Claims, NotTaken> check_token(
        const http::Request& request, const Sender& sender
    );
    http::Response refusal(const NotTaken& why) const;
    /// Of a request that its room would refuse, too: it said so just now.
    http::Response busy(const http::Request& request, const Sender& sender, Limit limit);
    bool is_busy(const http::Request& request) const;
    void note_busy(const http::Request& request, const http::Response& response);
    net::awaitable<http::Response> show(http::Request& request, const http::Handler& handler);

    service::Access& access_;
    Limits& limits_;
    const service::TrustedProxies& proxies_;
    BusyPaths busy_paths_;
    prometheus::Counter& busy_refusals_;
};

}  // namespace gateway
