#include "auth/api/answers.hpp"

#include "auth/api/messages.hpp"
#include "base/timestamp.hpp"
#include "json/encode.hpp"

namespace auth::api {
namespace {

AccountBody body_of(const Account& account) {
    return {
        account.id,
        account.email,
        account.name,
        account.role == Role::admin ? "admin" : "customer",
        base::format_timestamp(account.created_at_ms)
    };
}

http::Problem problem(int status, std::string code, std::string detail, std::string field = {}) {
    http::Problem made;
    made.status = status;
    made.code = std::move(code);
    made.detail = std::move(detail);
    made.field = std::move(field);
    return made;
}

int whole_seconds(std::int64_t wait_ms) {
    return static_cast<int>((wait_ms + 999) / 1000);
}

}  // namespace

http::Response account_response(int status, const Account& account) {
    auto response = http::json_response(status, json::encode(body_of(account)));
    response.headers.add("Cache-Control", "no-store");
    return response;
}

http::Response session_response(const Account& account, NewTokens tokens) {
    SessionBody body;
    body.access_token = std::move(tokens.access_token);
    body.expires_in_s = tokens.expires_in_s;
    body.refresh_token = std::move(tokens.refresh_token);
    body.device_token = std::move(tokens.device_token);
    body.account = body_of(account);
    auto response = http::json_response(200, json::encode(body));
    response.headers.add("Cache-Control", "no-store");
    return response;
}

http::Response body_problem(const json::Error& error) {
    return http::to_response(problem(400, "invalid_body", error.message, error.path));
}

http::Response field_problem(std::string field, std::string detail) {
    return http::to_response(problem(400, "invalid_field", std::move(detail), std::move(field)));
}

http::Response email_taken() {
    return http::to_response(problem(
        409, "email_taken", "There is an account with this e-mail address; log in.", "email"
    ));
}

http::Response credentials_wrong() {
    return http::to_response(
        problem(401, "credentials_wrong", "The e-mail address or the password is wrong.")
    );
}

http::Response too_many_failures(std::int64_t wait_ms) {
    auto made = problem(429, "too_many_failures", "Too many wrong passwords; wait a little.");
    made.retry_after_s = whole_seconds(wait_ms);
    return http::to_response(made);
}

http::Response too_many_registrations(std::int64_t wait_ms) {
    auto made = problem(
        429, "too_many_registrations", "Too many accounts are made from here; wait a little."
    );
    made.retry_after_s = whole_seconds(wait_ms);
    return http::to_response(made);
}

http::Response current_password_wrong() {
    return http::to_response(
        problem(403, "current_password_wrong", "The current password is wrong.", "current_password")
    );
}

http::Response account_disabled() {
    return http::to_response(
        problem(403, "account_disabled", "This account is closed; ask the shop.")
    );
}

http::Response refresh_token_invalid() {
    return http::to_response(problem(
        401, "refresh_token_invalid", "This session is over; log in again.", "refresh_token"
    ));
}

http::Response account_gone() {
    return http::to_response(
        problem(401, "token_invalid", "The account of this access token is gone; log in again.")
    );
}

http::Response busy() {
    auto made = problem(503, "busy", "Too many people are logging in; try again in a moment.");
    made.retry_after_s = 1;
    return http::to_response(made);
}

}  // namespace auth::api
