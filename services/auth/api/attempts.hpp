#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/domain/account_rules.hpp"
#include "auth/store/account_store.hpp"
#include "auth/store/attempt_store.hpp"
#include "http/message.hpp"
#include "service/client_address.hpp"

namespace auth::api {

/// Where a login comes from, as the account knows it.
struct Place {
    std::optional<Digest> device;       ///< of one that has logged in to this account before
    std::optional<base::Uuid> network;  ///< its mark; absent if only proxies are told
    std::optional<std::int64_t> network_age_s;  ///< since a login from it; absent if unknown
};

/// What an attempt counts for, and is slowed down by (ADR 0035). The client's address is what the
/// gateway wrote: nobody else is let through to auth, and the gateway drops what others claim.
class AttemptRules {
  public:
    AttemptRules(service::TrustedProxies proxies, AttemptLimits limits)
        : proxies_(std::move(proxies)), limits_(limits) {}

    /// A login. The first of them is forgotten after a good one. Strangers' guesses slow down
    /// neither a known device nor a known network, each of which has attempts of its own.
    std::vector<Counted> login(const http::Request& request, const Email& email, const Place& place)
        const;
    std::vector<Counted> registration(const http::Request& request) const;
    /// Of somebody who has an access token, so that strangers' guesses don't count here.
    static std::vector<Counted> password_change(const base::Uuid& account_id);

    /// What is remembered of a good login; nullopt if only proxies are told.
    std::optional<std::string> wider_network_of(const http::Request& request) const;

  private:
    /// nullopt if only proxies are told: everybody seems to come from there.
    std::optional<std::string> client_of(const http::Request& request) const;

    service::TrustedProxies proxies_;
    AttemptLimits limits_;
};

}  // namespace auth::api
