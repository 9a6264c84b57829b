#include "order/api/routes.hpp"

#include "order/api/orders.hpp"
#include "order/api/ordinary_orders.hpp"
#include "order/api/payment_events.hpp"
#include "order/api/peers.hpp"
#include "order/api/place_order.hpp"
#include "order/api/place_ordinary_order.hpp"
#include "order/api/sales.hpp"

namespace order::api {
namespace {

using Endpoint = net::awaitable<http::Response> (*)(Parts&, http::Request&);

http::Handler bind(Parts& parts, Endpoint endpoint) {
    return [&parts, endpoint](http::Request& request) { return endpoint(parts, request); };
}

http::Handler bind_action(Parts& parts, SaleAction action) {
    return
        [&parts, action](http::Request& request) { return control_sale(parts, action, request); };
}

}  // namespace

http::Router make_router(Parts& parts) {
    http::Router router;
    router.add("POST", "/api/v1/flash-sales/{id}/orders", bind(parts, place_order));
    router.add("POST", "/api/v1/orders", bind(parts, place_ordinary_order));
    router.add("GET", "/api/v1/orders/{id}/events", bind(parts, list_order_events));
    router.add("POST", "/api/v1/orders/{id}/pay", bind(parts, pay_order));
    router.add("POST", "/api/v1/orders/{id}/cancel", bind(parts, cancel_order));
    router.add("GET", "/api/v1/orders/{id}", bind(parts, get_order));
    router.add("GET", "/api/v1/orders", bind(parts, list_orders));
    router.add("GET", "/api/v1/flash-sales", bind(parts, list_sales));
    router.add("POST", "/api/v1/flash-sales", bind(parts, create_sale));
    router.add("GET", "/api/v1/flash-sales/{id}", bind(parts, get_sale));
    router.add("GET", "/api/v1/flash-sales/{id}/audit", bind(parts, audit_sale));
    router.add("POST", "/api/v1/flash-sales/{id}/pause", bind_action(parts, SaleAction::pause));
    router.add("POST", "/api/v1/flash-sales/{id}/resume", bind_action(parts, SaleAction::resume));
    router.add("POST", "/api/v1/flash-sales/{id}/end", bind_action(parts, SaleAction::end));
    router.add("POST", "/internal/v1/flash-sales/{id}/batches", bind(parts, serve_peer_batch));
    router.add("POST", "/internal/v1/payment-events", bind(parts, take_payment_event));
    return router;
}

}  // namespace order::api
