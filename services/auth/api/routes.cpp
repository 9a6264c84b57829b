#include "auth/api/routes.hpp"

#include "auth/api/endpoints.hpp"

namespace auth::api {
namespace {

using Endpoint = net::awaitable<http::Response> (*)(Parts&, http::Request&);

http::Handler bind(Parts& parts, Endpoint endpoint) {
    return [&parts, endpoint](http::Request& request) { return endpoint(parts, request); };
}

}  // namespace

http::Router make_router(Parts& parts) {
    http::Router router;
    router.add("POST", "/api/v1/auth/register", bind(parts, register_account));
    router.add("POST", "/api/v1/auth/login", bind(parts, log_in));
    router.add("POST", "/api/v1/auth/refresh", bind(parts, refresh));
    router.add("POST", "/api/v1/auth/logout", bind(parts, log_out));
    router.add("POST", "/api/v1/auth/logout-all", bind(parts, log_out_all));
    router.add("POST", "/api/v1/auth/password", bind(parts, change_password));
    router.add("GET", "/api/v1/auth/me", bind(parts, get_me));
    router.add("GET", "/.well-known/jwks.json", bind(parts, get_keys));
    return router;
}

}  // namespace auth::api
