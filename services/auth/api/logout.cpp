#include "auth/api/answers.hpp"
#include "auth/api/endpoints.hpp"
#include "auth/api/messages.hpp"
#include "json/decode.hpp"

namespace auth::api {

// The same answer for unknown tokens: logging out twice is no mistake.
net::awaitable<http::Response> log_out(Parts& parts, http::Request& request) {
    const auto body = json::decode<RefreshTokenBody>(request.body);
    if (!body) co_return body_problem(body.error());
    const auto token = TokenMaker::read_refresh_token(body->refresh_token);
    if (token) co_await parts.sessions.close(token->digest, request.deadline);
    http::Response response;
    response.status = 204;
    co_return response;
}

}  // namespace auth::api
