#include "service/client_address.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>

#include "base/whole_number.hpp"

namespace service {

namespace {

constexpr std::size_t ipv4_bytes = 4;
constexpr std::size_t ipv6_bytes = 16;
/// What a provider gives one customer at least (RFC 6177), who then chooses the rest himself.
constexpr std::size_t ipv6_network_bytes = 8;
/// What is given out together: the smallest network that is routed by itself, and what a home gets
/// (RIPE-690, section 4.2).
constexpr std::size_t ipv4_wider_bytes = 3;
constexpr std::size_t ipv6_wider_bytes = 7;
/// RFC 4291, section 2.5.5.2: ::ffff:192.0.2.1 is 192.0.2.1, as a dual-stack listener sees it.
constexpr std::string_view mapped_prefix("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Empty if the text is no address.
std::string bytes_of(std::string_view text) {
    const std::string ended(text);
    std::array<char, ipv6_bytes> bytes{};
    if (::inet_pton(AF_INET, ended.c_str(), bytes.data()) == 1) return {bytes.data(), ipv4_bytes};
    if (::inet_pton(AF_INET6, ended.c_str(), bytes.data()) != 1) return {};
    const std::string_view whole(bytes.data(), ipv6_bytes);
    if (whole.starts_with(mapped_prefix)) return std::string(whole.substr(mapped_prefix.size()));
    return std::string(whole);
}

/// Some proxies write 192.0.2.1:4711 or [2001:db8::1]:4711.
std::string_view without_port(std::string_view hop) {
    if (hop.starts_with('[')) return hop.substr(1, std::min(hop.find(']'), hop.size()) - 1);
    const auto colon = hop.find(':');
    return colon == hop.rfind(':') ? hop.substr(0, colon) : hop;
}

bool share_prefix(const std::string& left, const std::string& right, unsigned bits) {
    const auto whole = bits / 8;
    if (left.compare(0, whole, right, 0, whole) != 0) return false;
    if (bits % 8 == 0) return true;
    const auto difference = static_cast<unsigned char>(left[whole] ^ right[whole]);
    return difference >> (8 - bits % 8) == 0;
}

std::string text_of(const std::string& bytes) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const int family = bytes.size() == ipv6_bytes ? AF_INET6 : AF_INET;
    ::inet_ntop(family, bytes.data(), text.data(), text.size());
    return text.data();
}

std::string network_text(std::string bytes, std::size_t prefix_bytes) {
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(prefix_bytes), bytes.end(), '\0');
    return text_of(bytes) + '/' + std::to_string(8 * prefix_bytes);
}

}  // namespace

TrustedProxies TrustedProxies::read(base::Environment& environment) {
    std::string wrong_part;
    const auto list = environment.text_or(
        "TRUSTED_PROXIES", "", "proxies whose X-Forwarded-For is believed: 10.42.0.0/16,192.0.2.1"
    );
    TrustedProxies proxies = parse(list, wrong_part);
    if (!wrong_part.empty()) {
        environment.problem(
            "TRUSTED_PROXIES",
            "has \"" + wrong_part + "\"",
            "Write addresses or networks, separated by commas"
        );
    }
    return proxies;
}

TrustedProxies TrustedProxies::parse(std::string_view list, std::string& wrong_part) {
    TrustedProxies proxies;
    while (!list.empty()) {
        const auto comma = std::min(list.find(','), list.size());
        const auto part = trim(list.substr(0, comma));
        list.remove_prefix(std::min(comma + 1, list.size()));
        if (part.empty()) continue;
        const auto slash = std::min(part.find('/'), part.size());
        Network network{bytes_of(part.substr(0, slash)), 0};
        const auto bits_max = static_cast<unsigned>(network.bytes.size() * 8);
        network.prefix_bits = bits_max;
        bool read_all = true;
        if (slash < part.size()) {
            const auto bits = base::whole_number<unsigned>(part.substr(slash + 1));
            read_all = bits.has_value();
            network.prefix_bits = bits.value_or(0);
        }
        if (network.bytes.empty() || !read_all || network.prefix_bits > bits_max) {
            wrong_part = part;
            break;
        }
        proxies.networks_.push_back(std::move(network));
    }
    return proxies;
}

bool TrustedProxies::contains(std::string_view address) const {
    if (networks_.empty()) return false;
    const auto bytes = bytes_of(address);
    return std::ranges::any_of(networks_, [&](const Network& network) {
        return network.bytes.size() == bytes.size() &&
               share_prefix(network.bytes, bytes, network.prefix_bits);
    });
}

Client find_client(std::string_view hops, const TrustedProxies& proxies) {
    std::string_view client;
    bool is_proxy = true;
    while (!hops.empty() && is_proxy) {
        const auto comma = hops.rfind(',');
        const bool is_last = comma == std::string_view::npos;
        const auto hop = trim(is_last ? hops : hops.substr(comma + 1));
        hops = is_last ? std::string_view() : hops.substr(0, comma);
        if (hop.empty()) continue;
        client = without_port(hop);
        is_proxy = proxies.contains(client);
    }
    return {std::string(client), is_proxy};
}

std::string client_of(std::string_view hops, const TrustedProxies& proxies) {
    return find_client(hops, proxies).address;
}

std::optional<std::array<std::uint8_t, 16>> client_network_bytes(std::string_view address) {
    const std::string bytes = bytes_of(address);
    if (bytes.empty()) return std::nullopt;
    std::array<std::uint8_t, ipv6_bytes> network{};
    if (bytes.size() == ipv6_bytes) {
        std::copy_n(bytes.begin(), ipv6_network_bytes, network.begin());
    } else {
        const auto rest = std::ranges::copy(mapped_prefix, network.begin()).out;
        std::ranges::copy(bytes, rest);
    }
    return network;
}

std::string client_network(std::string_view address) {
    const std::string bytes = bytes_of(address);
    if (bytes.empty()) return std::string(address);
    return bytes.size() == ipv4_bytes ? text_of(bytes) : network_text(bytes, ipv6_network_bytes);
}

std::string wider_client_network(std::string_view address) {
    const std::string bytes = bytes_of(address);
    if (bytes.empty()) return std::string(address);
    const bool is_ipv4 = bytes.size() == ipv4_bytes;
    return network_text(bytes, is_ipv4 ? ipv4_wider_bytes : ipv6_wider_bytes);
}

}  // namespace service
