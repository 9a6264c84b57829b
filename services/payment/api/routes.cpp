#include "payment/api/routes.hpp"

#include "payment/api/charges.hpp"

namespace payment::api {
namespace {

using Endpoint = net::awaitable<http::Response> (*)(Parts&, http::Request&);

http::Handler bind(Parts& parts, Endpoint endpoint) {
    return [&parts, endpoint](http::Request& request) { return endpoint(parts, request); };
}

}  // namespace

http::Router make_router(Parts& parts) {
    http::Router router;
    router.add("POST", "/v1/charges", bind(parts, make_charge));
    router.add("GET", "/v1/charges/{key}", bind(parts, get_charge));
    router.add("POST", "/v1/charges/{key}/void", bind(parts, void_charge));
    router.add("POST", "/v1/charges/{key}/refund", bind(parts, refund_charge));
    return router;
}

}  // namespace payment::api
