#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "auth/domain/account_rules.hpp"
#include "auth/store/account_store.hpp"
#include "auth/store/attempt_store.hpp"
#include "http/message.hpp"
#include "service/client_address.hpp"

namespace auth::api {

/// What an attempt counts for, and is slowed down by (ADR 0035). The client's address is what the
/// gateway wrote: nobody else is let through to auth, and the gateway drops what others claim.
class AttemptRules {
  public:
    AttemptRules(service::TrustedProxies proxies, AttemptLimits limits)
        : proxies_(std::move(proxies)), limits_(limits) {}

    /// A login. The first of them is forgotten after a good one. `device`: of one that has logged
    /// in to this address before; strangers' guesses don't slow it down.
    std::vector<Counted> login(
        const http::Request& request, const Email& email, const std::optional<Digest>& device
    ) const;
    std::vector<Counted> registration(const http::Request& request) const;
    /// Of somebody who has an access token, so that strangers' guesses don't count here.
    static std::vector<Counted> password_change(const base::Uuid& account_id);

  private:
    /// nullopt if only proxies are told: everybody seems to come from there.
    std::optional<std::string> network_of(const http::Request& request) const;

    service::TrustedProxies proxies_;
    AttemptLimits limits_;
};

}  // namespace auth::api
