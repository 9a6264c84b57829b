#include "gateway/api/pages.hpp"

#include <algorithm>
#include <string>

#include "http/compression.hpp"
#include "http/problem.hpp"

namespace gateway {

namespace {

/// A new version of the shop has new pages; an hour is short enough for that.
constexpr const char* cache_control = "public, max-age=3600";

http::Response shown(const Page& page, const http::Request& request) {
    http::Response response;
    auto& headers = response.headers;
    headers.add("Content-Type", std::string(page.content_type));
    headers.add("ETag", std::string(page.tag));
    headers.add("Cache-Control", cache_control);
    headers.add("Vary", "Accept-Encoding");
    headers.add("Content-Security-Policy", std::string(page_policy()));
    headers.add("X-Content-Type-Options", "nosniff");
    headers.add("Referrer-Policy", "no-referrer");
    const auto wanted = request.headers.get("Accept-Encoding");
    if (wanted && http::accepts_gzip(*wanted)) {
        headers.add("Content-Encoding", "gzip");
        response.body = page.gzip;
    } else {
        response.body = page.text;
    }
    return response;
}

net::awaitable<http::Response> show(const http::Request& request, std::string_view name) {
    const auto found = std::ranges::find(pages(), name, &Page::name);
    if (found != pages().end()) co_return shown(*found, request);
    co_return to_response(http::Problem{
        .status = 404, .code = "contract_unknown", .detail = "GET /api lists the contracts."
    });
}

}  // namespace

http::Handler api_page() {
    return [](http::Request& request) { return show(request, ""); };
}

http::Handler contract_page() {
    return [](http::Request& request) { return show(request, request.path_parameter("contract")); };
}

}  // namespace gateway
