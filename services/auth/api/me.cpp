#include "auth/api/answers.hpp"
#include "auth/api/endpoints.hpp"

namespace auth::api {

net::awaitable<http::Response> get_me(Parts& parts, http::Request& request) {
    const auto caller = parts.access.caller(request);
    if (!caller) co_return http::to_response(caller.error());
    const auto account = co_await parts.accounts.find(caller->account_id, request.deadline);
    if (!account || account->is_disabled) co_return account_gone();
    co_return account_response(200, *account);
}

}  // namespace auth::api
