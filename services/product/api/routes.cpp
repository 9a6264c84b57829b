#include "product/api/routes.hpp"

#include "product/api/catalogue.hpp"
#include "product/api/lists.hpp"
#include "product/api/reservations.hpp"

namespace product::api {
namespace {

using Endpoint = net::awaitable<http::Response> (*)(Parts&, http::Request&);

http::Handler bind(Parts& parts, Endpoint endpoint) {
    return [&parts, endpoint](http::Request& request) { return endpoint(parts, request); };
}

}  // namespace

http::Router make_router(Parts& parts) {
    http::Router router;
    router.add("GET", "/api/v1/products", bind(parts, list_products));
    router.add("POST", "/api/v1/products", bind(parts, create_product));
    router.add("GET", "/api/v1/products/{id}", bind(parts, get_product));
    router.add("PATCH", "/api/v1/products/{id}", bind(parts, change_product));
    router.add("POST", "/api/v1/products/{id}/restocks", bind(parts, restock_product));
    router.add("GET", "/api/v1/categories", bind(parts, list_categories));
    router.add("POST", "/internal/v1/reservations", bind(parts, reserve));
    router.add("GET", "/internal/v1/reservations/{id}", bind(parts, get_reservation));
    router.add("POST", "/internal/v1/reservations/{id}/settle", bind(parts, settle));
    router.add("POST", "/internal/v1/returns", bind(parts, take_back));
    return router;
}

}  // namespace product::api
