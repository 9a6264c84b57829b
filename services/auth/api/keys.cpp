#include "auth/api/endpoints.hpp"

namespace auth::api {

net::awaitable<http::Response> get_keys(Parts& parts, http::Request&) {
    http::Response response = http::json_response(200, parts.tokens.jwks());
    // Short, so that a new key is known everywhere soon after it is first published.
    response.headers.add("Cache-Control", "public, max-age=30");
    co_return response;
}

}  // namespace auth::api
