#include "gateway/api/headers.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "http/problem.hpp"

namespace gateway {

namespace {

using http::equal_ignoring_case;

constexpr std::array<std::string_view, 10> hop_by_hop{
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "HTTP2-Settings"
};

/// Made anew by this hop, or by its client. Nor is a room asked to compress: the door does that.
constexpr std::array<std::string_view, 7> written_here{
    "Host",
    "Content-Length",
    "Expect",
    "X-Request-Id",
    "X-Deadline-Ms",
    "Accept-Encoding",
    "traceparent"
};

constexpr std::array<std::string_view, 8> identities{
    "Forwarded",
    "X-Real-Ip",
    "X-Client-Ip",
    "True-Client-Ip",
    "Remote-User",
    "X-Remote-User",
    "X-Role",
    "X-Roles"
};

constexpr std::array<std::string_view, 7> identity_prefixes{
    "X-User-", "X-Account-", "X-Forwarded-", "X-Auth-", "X-Service-", "X-Internal-", "X-Customer-"
};

template <std::size_t count>
bool is_one_of(const std::array<std::string_view, count>& names, std::string_view name) {
    return std::ranges::any_of(names, [&](std::string_view each) {
        return equal_ignoring_case(each, name);
    });
}

bool starts_with_ignoring_case(std::string_view text, std::string_view begin) {
    return equal_ignoring_case(text.substr(0, begin.size()), begin);
}

bool claims_identity(std::string_view name) {
    if (is_one_of(identities, name) || name.find('_') != std::string_view::npos) return true;
    if (!starts_with_ignoring_case(name, "X-")) return false;
    if (equal_ignoring_case(name, "X-User") || equal_ignoring_case(name, "X-Account")) return true;
    return std::ranges::any_of(identity_prefixes, [&](std::string_view prefix) {
        return starts_with_ignoring_case(name, prefix);
    });
}

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Calls `visit` with each part of a comma-separated list until it returns false.
template <class Visit>
void each_part(std::string_view list, Visit visit) {
    while (!list.empty()) {
        const auto comma = std::min(list.find(','), list.size());
        const auto part = trim(list.substr(0, comma));
        list.remove_prefix(std::min(comma + 1, list.size()));
        if (!part.empty() && !visit(part)) return;
    }
}

/// Names that the Connection header declares to hold for this hop only.
std::vector<std::string> connection_names(const http::Headers& headers) {
    std::vector<std::string> names;
    for (const auto& [name, value] : headers) {
        if (name.size() != 10 || !equal_ignoring_case(name, "Connection")) continue;
        each_part(value, [&](std::string_view part) {
            // Not these: dropping them would change what the request means, or who sends it.
            const bool matters = equal_ignoring_case(part, "Authorization") ||
                                 equal_ignoring_case(part, "Idempotency-Key") ||
                                 equal_ignoring_case(part, "Content-Type");
            if (!matters) names.emplace_back(part);
            return true;
        });
    }
    return names;
}

bool is_listed(const std::vector<std::string>& names, std::string_view name) {
    return std::ranges::any_of(names, [&](const std::string& each) {
        return equal_ignoring_case(each, name);
    });
}

}  // namespace

http::Headers take_request_headers(http::Request& request, const Sender& sender) {
    const auto declared = connection_names(request.headers);
    http::Headers headers = std::move(request.headers);
    request.headers.clear();
    if (const auto origin = headers.get("Origin")) {
        request.headers.add("Origin", std::string(*origin));
    }
    headers.erase_if([&](std::string_view name, std::string_view) {
        return is_one_of(written_here, name) || is_one_of(hop_by_hop, name) ||
               claims_identity(name) || is_listed(declared, name);
    });
    headers.add("X-Request-Id", request.request_id);
    headers.add("X-Forwarded-For", sender.forwarded_for);
    return headers;
}

void clean_response_headers(http::Headers& headers) {
    headers.erase_if([](std::string_view name, std::string_view) {
        return is_one_of(hop_by_hop, name) || starts_with_ignoring_case(name, "Access-Control-") ||
               equal_ignoring_case(name, http::busy_for_header);
    });
}

}  // namespace gateway
