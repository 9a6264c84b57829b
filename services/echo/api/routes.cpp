#include "echo/api/routes.hpp"

#include "echo/api/echo.hpp"

namespace echo {

void add_routes(http::Router& router, bool show_headers) {
    router.add("*", "/api/v1/echo", [show_headers](http::Request& request) {
        return mirror(request, show_headers);
    });
}

}  // namespace echo
