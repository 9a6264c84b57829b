#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "auth/domain/account.hpp"
#include "http/message.hpp"
#include "http/problem.hpp"
#include "json/json.hpp"

// The one place where outcomes become statuses and codes (contracts/auth.openapi.yaml).

namespace auth::api {

http::Response account_response(int status, const Account& account);

struct NewTokens {
    std::string access_token;
    std::int64_t expires_in_s = 0;  ///< the access token
    std::string refresh_token;
    std::optional<std::string> device_token;
};
/// Never to be stored by anybody on the way.
http::Response session_response(const Account& account, NewTokens tokens);

http::Response body_problem(const json::Error& error);
http::Response field_problem(std::string field, std::string detail);
http::Response email_taken();
http::Response credentials_wrong();
http::Response too_many_failures(std::int64_t wait_ms);
http::Response too_many_registrations(std::int64_t wait_ms);
http::Response current_password_wrong();
/// Said only to who has given the right password.
http::Response account_disabled();
http::Response refresh_token_invalid();
http::Response account_gone();
/// All hashing slots are taken.
http::Response busy();

}  // namespace auth::api
