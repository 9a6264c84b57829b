#include "gateway/api/routes.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/api/pages.hpp"

namespace gateway {

namespace {

/// `by_method`: reads are given less time than what changes something.
enum class Patience { by_method, long_read };

struct Route {
    const char* method;
    const char* pattern;
    Upstream& (*room)(const Rooms&);
    Caller caller;
    bool is_repeatable = false;
    std::optional<Limit> limit = {};  ///< if absent, that of its caller
    Patience patience = Patience::by_method;
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

    Route{"POST", "/api/v1/auth/register", auth, anyone, false, Limit::sign_in},
    Route{"POST", "/api/v1/auth/login", auth, anyone, false, Limit::sign_in},
    Route{"POST", "/api/v1/auth/refresh", auth, anyone, false, Limit::refresh},
    Route{"POST", "/api/v1/auth/logout", auth, anyone, false, Limit::refresh},
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
    Route{"POST", "/api/v1/flash-sales/{id}/orders", order, customer, false, Limit::purchase},
    Route{"POST", "/api/v1/flash-sales/{id}/pause", order, admin},
    Route{"POST", "/api/v1/flash-sales/{id}/resume", order, admin},
    Route{"POST", "/api/v1/flash-sales/{id}/end", order, admin},
    Route{"GET", "/api/v1/flash-sales/{id}/audit", order, admin, false, {}, Patience::long_read},
    Route{"POST", "/api/v1/orders", order, customer, false, Limit::purchase},
    Route{"GET", "/api/v1/orders", order, customer},
    Route{"GET", "/api/v1/orders/{id}", order, customer},
    Route{"GET", "/api/v1/orders/{id}/events", order, customer},
    Route{"POST", "/api/v1/orders/{id}/pay", order, customer, true},
    Route{"POST", "/api/v1/orders/{id}/cancel", order, customer, true},
};

Limit limit_of(const Route& route) {
    if (route.limit) return *route.limit;
    switch (route.caller) {
        case anyone:
            return Limit::browse;
        case customer:
            return Limit::account;
        case Caller::admin:
            return Limit::admin;
    }
    return Limit::admin;
}

std::chrono::milliseconds patience_of(const Route& route, const RouteDeadlines& deadlines) {
    const bool is_quick =
        route.method == std::string_view("GET") && route.patience == Patience::by_method;
    return is_quick ? deadlines.read : deadlines.write;
}

net::awaitable<http::Response> welcome(http::Request&) {
    std::string body = R"({"name":"doorbuster","api":"/api","contracts":[)";
    const char* between = "";
    for (const Page& page : pages()) {
        if (page.name.empty()) continue;
        body.append(between).append("\"").append(page.name.substr(0, page.name.find('.')));
        body.append("\"");
        between = ",";
    }
    co_return http::json_response(200, body + "]}");
}

}  // namespace

void add_routes(
    http::Router& router,
    Door& door,
    const Cors& cors,
    const Rooms& rooms,
    const RouteDeadlines& deadlines
) {
    router.add("GET", "/", welcome);
    router.add("GET", "/api", door.counted(api_page()));
    router.add("GET", "/api/{contract}", door.counted(contract_page()));
    for (const Route& route : routes) {
        const Passage passage{
            .room = &route.room(rooms),
            .caller = route.caller,
            .is_repeatable = route.is_repeatable,
            .limit = limit_of(route),
            .patience = patience_of(route, deadlines),
            .pace = route.patience == Patience::long_read ? Pace::slow : Pace::usual
        };
        const http::Handler pass = [&door, passage](http::Request& request) {
            return door.pass(request, passage);
        };
        const bool serves_options = route.method == std::string_view("*");
        router.add(
            route.method,
            route.pattern,
            serves_options ? cors.before(pass) : pass,
            route.caller == Caller::admin ? http::Admission::reserved : http::Admission::common
        );
    }
    cors.add_to(router);
}

}  // namespace gateway
