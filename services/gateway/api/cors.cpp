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

}  // namespace

void Cors::add_to(http::Router& router) const {
    if (!settings_.allowed.is_enabled()) return;
    router.add("OPTIONS", "/*", [this](http::Request& request) { return answer_options(request); });
    router.decorate_with([this](const http::Request& request, http::Response& response) {
        decorate(request, response);
    });
}

net::awaitable<http::Response> Cors::answer_options(const http::Request& request) const {
    co_return preflight(request);
}

http::Handler Cors::before(http::Handler handler) const {
    if (!settings_.allowed.is_enabled()) return handler;
    return [this, handler = std::move(handler)](http::Request& request) {
        return is_preflight(request) ? answer_options(request) : handler(request);
    };
}

http::Response Cors::preflight(const http::Request& request) const {
    http::Response response{204};
    // A browser takes silence for a no.
    if (!allows(request)) return response;
    response.headers.add("Access-Control-Allow-Methods", methods);
    response.headers.add("Access-Control-Allow-Headers", request_headers);
    response.headers.add("Access-Control-Max-Age", std::to_string(settings_.max_age_s));
    return response;
}

bool Cors::allows(const http::Request& request) const {
    if (settings_.allowed.allows_all()) return true;
    const auto origin = request.headers.get("Origin");
    return origin && settings_.allowed.allows(*origin);
}

void Cors::decorate(const http::Request& request, http::Response& response) const {
    auto& headers = response.headers;
    // Also where it is refused or absent: a cache must not hand one site another's answer.
    if (!settings_.allowed.allows_all()) headers.add("Vary", "Origin");
    if (!allows(request)) return;
    if (settings_.allowed.allows_all()) {
        headers.add("Access-Control-Allow-Origin", "*");
    } else {
        headers.add("Access-Control-Allow-Origin", std::string(*request.headers.get("Origin")));
        if (settings_.with_credentials) headers.add("Access-Control-Allow-Credentials", "true");
    }
    if (!is_preflight(request)) headers.add("Access-Control-Expose-Headers", response_headers);
}

}  // namespace gateway
