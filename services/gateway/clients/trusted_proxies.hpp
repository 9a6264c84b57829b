#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gateway {

/// Proxies whose X-Forwarded-For is believed: addresses and networks ("10.42.0.0/16").
class TrustedProxies {
  public:
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

}  // namespace gateway
