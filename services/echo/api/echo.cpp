#include "echo/api/echo.hpp"

#include <algorithm>

#include "base/encoding.hpp"

namespace echo {

namespace {

void append_member(std::string& out, std::string_view name, std::string_view text) {
    if (out.back() != '{') out.push_back(',');
    out.append("\"").append(name).append("\":");
    base::append_json_string(out, text);
}

bool is_authorization(std::string_view name) {
    return http::equal_ignoring_case(name, "Authorization") ||
           http::equal_ignoring_case(name, "Proxy-Authorization");
}

/// What may be shown of a header: of credentials their scheme, of cookies nothing.
std::string shown(std::string_view name, std::string_view value) {
    if (http::equal_ignoring_case(name, "Cookie")) return "[redacted]";
    if (!is_authorization(name)) return std::string(value);
    const auto scheme = value.substr(0, value.find(' '));
    return scheme.size() == value.size() ? "[redacted]" : std::string(scheme) + " [redacted]";
}

void append_headers(std::string& out, const http::Headers& headers) {
    out.append(",\"headers\":[");
    for (const auto& [name, value] : headers) {
        if (out.back() != '[') out.push_back(',');
        out.push_back('{');
        append_member(out, "name", name);
        append_member(out, "value", shown(name, value));
        out.push_back('}');
    }
    out.push_back(']');
}

}  // namespace

net::awaitable<http::Response> mirror(http::Request& request, bool show_headers) {
    std::string out = "{";
    out.reserve(512 + request.body.size());
    append_member(out, "method", request.method);
    append_member(out, "path", request.path);
    append_member(out, "query", request.query);
    append_member(out, "remote_address", request.remote_address);
    append_member(out, "request_id", request.request_id);
    out.append(",\"deadline_ms\":")
        .append(std::to_string(net::time_left(request.deadline).count()));
    if (show_headers) append_headers(out, request.headers);
    if (base::is_utf8(request.body)) {
        append_member(out, "body", request.body);
    } else {
        const auto* const bytes = reinterpret_cast<const std::uint8_t*>(request.body.data());
        append_member(out, "body_base64url", base::to_base64url({bytes, request.body.size()}));
    }
    out.push_back('}');
    co_return http::json_response(200, std::move(out));
}

}  // namespace echo
