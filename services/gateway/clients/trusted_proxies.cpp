#include "gateway/clients/trusted_proxies.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>

namespace gateway {

namespace {

constexpr std::size_t ipv4_bytes = 4;
constexpr std::size_t ipv6_bytes = 16;

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
    if (::inet_pton(AF_INET6, ended.c_str(), bytes.data()) == 1) return {bytes.data(), ipv6_bytes};
    return {};
}

bool share_prefix(const std::string& left, const std::string& right, unsigned bits) {
    const auto whole = bits / 8;
    if (left.compare(0, whole, right, 0, whole) != 0) return false;
    if (bits % 8 == 0) return true;
    const auto difference = static_cast<unsigned char>(left[whole] ^ right[whole]);
    return difference >> (8 - bits % 8) == 0;
}

}  // namespace

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
            const auto* const end = part.data() + part.size();
            const auto read = std::from_chars(part.data() + slash + 1, end, network.prefix_bits);
            read_all = read.ec == std::errc{} && read.ptr == end;
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

}  // namespace gateway
