#pragma once

#include "auth/api/parts.hpp"
#include "http/message.hpp"

namespace auth::api {

net::awaitable<http::Response> register_account(Parts& parts, http::Request& request);
net::awaitable<http::Response> log_in(Parts& parts, http::Request& request);
net::awaitable<http::Response> refresh(Parts& parts, http::Request& request);
net::awaitable<http::Response> log_out(Parts& parts, http::Request& request);
net::awaitable<http::Response> log_out_all(Parts& parts, http::Request& request);
net::awaitable<http::Response> change_password(Parts& parts, http::Request& request);
net::awaitable<http::Response> get_me(Parts& parts, http::Request& request);
net::awaitable<http::Response> get_keys(Parts& parts, http::Request& request);

}  // namespace auth::api
