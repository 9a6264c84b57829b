#include "auth/api/answers.hpp"
#include "auth/api/endpoints.hpp"

namespace auth::api {

net::awaitable<http::Response> log_out_all(Parts& parts, http::Request& request) {
    const auto caller = parts.access.caller(request);
    if (!caller) co_return http::to_response(caller.error());
    co_await parts.sessions.close_all(caller->account_id, request.deadline);
    http::Response response;
    response.status = 204;
    co_return response;
}

}  // namespace auth::api
