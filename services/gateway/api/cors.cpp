#include "gateway/api/cors.hpp"

#include <utility>

namespace gateway {

namespace {

constexpr const char* methods = "GET, HEAD, POST, PUT, PATCH, DELETE";
constexpr const char* request_headers =
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Deadline-Ms, "
    "X-Request-Id, Traceparent, Tracestate";
/// Those that a client acts on, beside the few that the Fetch standard always shows.
constexpr const char* response_headers =
    "ETag, Location, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id";

bool is_preflight(const http::Request& request) {
    return request.method == "OPTIONS" && request.headers.get("Origin").has_value() &&
           request.headers.get("Access-Control-Request-Method").has_value();
}

bool starts_with_ignoring_case(std::string_view text, std::string_view begin) {
    return http::equal_ignoring_case(text.substr(0, begin.size()), begin);
}

}  // namespace

void Cors::add_preflights(http::Router& router) const {
    if (!settings_.allowed.is_enabled()) return;
    router.add("OPTIONS", "/*", [this](http::Request& request) { return answer_options(request); });
}

net::awaitable<http::Response> Cors::answer_options(const http::Request& request) const {
    co_return preflight(request);
}

http::Handler Cors::around(http::Handler handler) const {
    if (!settings_.allowed.is_enabled()) return handler;
    return [this, handler = std::move(handler)](http::Request& request) {
        return answer(request, handler);
    };
}

net::awaitable<http::Response> Cors::answer(http::Request& request, const http::Handler& handler)
    const {
    if (is_preflight(request)) co_return preflight(request);
    // The handler empties the request's headers.
    const std::string origin(request.headers.get("Origin").value_or(""));
    http::Response response = co_await handler(request);
    response.headers.erase_if([](std::string_view name, std::string_view) {
        return starts_with_ignoring_case(name, "Access-Control-");
    });
    allow(origin, response.headers);
    if (response.headers.get("Access-Control-Allow-Origin")) {
        response.headers.add("Access-Control-Expose-Headers", response_headers);
    }
    co_return response;
}

http::Response Cors::preflight(const http::Request& request) const {
    http::Response response{204};
    allow(request.headers.get("Origin").value_or(""), response.headers);
    // A browser takes silence for a no.
    if (!response.headers.get("Access-Control-Allow-Origin")) return response;
    response.headers.add("Access-Control-Allow-Methods", methods);
    response.headers.add("Access-Control-Allow-Headers", request_headers);
    response.headers.add("Access-Control-Max-Age", std::to_string(settings_.max_age_s));
    return response;
}

void Cors::allow(std::string_view origin, http::Headers& headers) const {
    if (settings_.allowed.allows_all()) {
        headers.add("Access-Control-Allow-Origin", "*");
        return;
    }
    // Also where it is refused or absent: a cache must not hand one site another's answer.
    headers.add("Vary", "Origin");
    if (origin.empty() || !settings_.allowed.allows(origin)) return;
    headers.add("Access-Control-Allow-Origin", std::string(origin));
    if (settings_.with_credentials) headers.add("Access-Control-Allow-Credentials", "true");
}

}  // namespace gateway
