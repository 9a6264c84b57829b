
#include "base/whole_number.hpp"
#include "redis/client.hpp"

namespace redis {

std::optional<Address> Address::parse(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    const std::string_view digits = text.substr(colon + 1);

    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return std::nullopt;
    }
    if (host.empty() || host.find_first_of(" \t\r\n,/@[]") != std::string_view::npos) {
        return std::nullopt;
    }

    const auto port = base::whole_number<std::uint16_t>(digits);
    if (!port || *port == 0) return std::nullopt;
    return Address{std::string(host), *port};
}

std::string Address::to_string() const {
    const bool is_ipv6 = host.find(':') != std::string::npos;
    return (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace redis
