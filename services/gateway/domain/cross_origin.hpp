#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gateway {

/// Which other sites' pages may use the shop with a browser (the Fetch standard's CORS protocol).
/// None by default: then the gateway says nothing about origins at all.
class CrossOrigin {
  public:
    /// Reads "https://shop.example,http://localhost:3000", or "*" for every site. What is no origin
    /// as browsers send it (scheme, host, port unless it is the scheme's own; nothing after it,
    /// lower case) is `wrong_part`.
    static CrossOrigin parse(std::string_view list, std::string& wrong_part);

    bool is_enabled() const { return allows_all_ || !origins_.empty(); }
    bool allows_all() const { return allows_all_; }
    bool allows(std::string_view origin) const;

  private:
    bool allows_all_ = false;
    std::vector<std::string> origins_;
};

}  // namespace gateway
