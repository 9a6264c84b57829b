#include "gateway/api/routes.hpp"

#include <array>

namespace gateway {

namespace {

struct Route {
    const char* method;
    const char* pattern;
    Upstream& (*room)(const Rooms&);
    Caller caller;
    bool is_repeatable = false;
};

Upstream& echo(const Rooms& rooms) {
    return rooms.echo;
}
Upstream& auth(const Rooms& rooms) {
    return rooms.auth;
}
Upstream& product(const Rooms& rooms) {
    return rooms.product;
}
Upstream& order(const Rooms& rooms) {
    return rooms.order;
}

using enum Caller;

constexpr std::array routes{
    Route{"*", "/api/v1/echo", echo, anyone},

    Route{"POST", "/api/v1/auth/register", auth, anyone},
    Route{"POST", "/api/v1/auth/login", auth, anyone},
    Route{"POST", "/api/v1/auth/refresh", auth, anyone},
    Route{"POST", "/api/v1/auth/logout", auth, anyone},
    Route{"POST", "/api/v1/auth/logout-all", auth, customer},
    Route{"POST", "/api/v1/auth/password", auth, customer},
    Route{"GET", "/api/v1/auth/me", auth, customer},
    Route{"GET", "/.well-known/jwks.json", auth, anyone},

    Route{"GET", "/api/v1/categories", product, anyone},
    Route{"GET", "/api/v1/products", product, anyone},
    Route{"POST", "/api/v1/products", product, admin},
    Route{"GET", "/api/v1/products/{id}", product, anyone},
    Route{"PATCH", "/api/v1/products/{id}", product, admin},
    Route{"POST", "/api/v1/products/{id}/restocks", product, admin},

    Route{"GET", "/api/v1/flash-sales", order, anyone},
    Route{"POST", "/api/v1/flash-sales", order, admin},
    Route{"GET", "/api/v1/flash-sales/{id}", order, anyone},
    Route{"POST", "/api/v1/flash-sales/{id}/orders", order, customer},
    Route{"POST", "/api/v1/flash-sales/{id}/pause", order, admin},
    Route{"POST", "/api/v1/flash-sales/{id}/resume", order, admin},
    Route{"POST", "/api/v1/flash-sales/{id}/end", order, admin},
    Route{"GET", "/api/v1/flash-sales/{id}/audit", order, admin},
    Route{"POST", "/api/v1/orders", order, customer},
    Route{"GET", "/api/v1/orders", order, customer},
    Route{"GET", "/api/v1/orders/{id}", order, customer},
    Route{"GET", "/api/v1/orders/{id}/events", order, customer},
    Route{"POST", "/api/v1/orders/{id}/pay", order, customer, true},
    Route{"POST", "/api/v1/orders/{id}/cancel", order, customer, true},
};

net::awaitable<http::Response> welcome(http::Request&) {
    co_return http::json_response(
        200, R"({"name":"doorbuster","contracts":["echo","auth","product","order","gateway"]})"
    );
}

}  // namespace

void add_routes(http::Router& router, Door& door, const Rooms& rooms) {
    router.add("GET", "/", welcome);
    for (const Route& route : routes) {
        const Passage passage{&route.room(rooms), route.caller, route.is_repeatable};
        router.add(route.method, route.pattern, [&door, passage](http::Request& request) {
            return door.pass(request, passage);
        });
    }
}

}  // namespace gateway
