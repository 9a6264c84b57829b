#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/environment.hpp"

// Who is at the other end, as far as limits per address need to know.

namespace service {

/// Proxies whose X-Forwarded-For is believed: addresses and networks ("10.42.0.0/16").
class TrustedProxies {
  public:
    /// TRUSTED_PROXIES.
    static TrustedProxies read(base::Environment& environment);

    /// Reads a comma-separated list; the part that is no address if there is one.
    static TrustedProxies parse(std::string_view list, std::string& wrong_part);

    bool contains(std::string_view address) const;

  private:
    struct Network {
        std::string bytes;  ///< 4 or 16
        unsigned prefix_bits;
    };
    std::vector<Network> networks_;
};

struct Client {
    std::string address;
    bool is_proxy = true;  ///< a trusted one, as all hops are: whom it stands for nobody says
};

/// Whose request it is: the right-most hop that is no trusted proxy, else the left-most.
/// `hops`: an X-Forwarded-For whose last hop is known to be true, as the gateway writes it.
Client find_client(std::string_view hops, const TrustedProxies& proxies);

/// Its address: the right-most hop that is no trusted proxy, the left-most if all are.
/// `hops`: an X-Forwarded-For whose last hop is known to be true, as the gateway writes it.
std::string client_of(std::string_view hops, const TrustedProxies& proxies);

/// What one client can't choose freely: an IPv4 address itself, an IPv6 address' /64, in a form
/// that is the same for all ways to write it. What is no address is returned as it is.
std::string client_network(std::string_view address);

/// Where a client is likely to be found again although its address is another one: an IPv4
/// address' /24, an IPv6 address' /56. Others share it.
std::string wider_client_network(std::string_view address);

/// The same as bytes: an IPv4 address as IPv6 has it (::ffff:192.0.2.1), of an IPv6 address the
/// upper half. nullopt for what is no address.
std::optional<std::array<std::uint8_t, 16>> client_network_bytes(std::string_view address);

}  // namespace service
