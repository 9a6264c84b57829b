#include "auth/api/answers.hpp"
#include "auth/api/check_password.hpp"
#include "auth/api/endpoints.hpp"
#include "auth/api/find_place.hpp"
#include "auth/api/messages.hpp"
#include "auth/api/open_session.hpp"
#include "auth/api/wiped.hpp"
#include "auth/domain/account_rules.hpp"
#include "json/decode.hpp"
#include "logging/logging.hpp"

namespace auth::api {
namespace {

void count(Parts& parts, const std::string& outcome) {
    parts.metrics
        .counter("doorbuster_auth_logins_total", "Logins by outcome", {{"outcome", outcome}})
        .Increment();
}

// Best effort: the login has succeeded already.
net::awaitable<void> strengthen(
    Parts& parts,
    const http::Request& request,
    base::Uuid account_id,
    std::string old_phc,
    std::string password
) {
    const Wiped wiped_password(password);
    if (!parts.hasher.has_room()) co_return;
    try {
        std::string phc = co_await parts.hasher.hash(password);
        co_await parts.accounts.replace_phc(
            account_id, std::move(old_phc), std::move(phc), request.deadline
        );
    } catch (const base::NeighbourError& error) {
        logging::warning(
            "a password hash was not renewed",
            {{"why", error.what()},
             {"request_id", request.request_id},
             {"trace_id", request.trace.trace_id()}}
        );
    }
}

// With the right password, and in time.
net::awaitable<http::Response> let_in(
    Parts& parts,
    const http::Request& request,
    Credentials credentials,
    Place place,
    PasswordCheck check,
    std::string password
) {
    const Wiped wiped_password(password);
    const Account& account = credentials.account;
    if (account.is_disabled) {
        count(parts, "disabled");
        co_return account_disabled();
    }
    if (check.needs_rehash) {
        co_await strengthen(parts, request, account.id, std::move(check.phc), password);
    }
    const FreshSession session = fresh_session(parts, credentials);
    const bool is_open = co_await parts.sessions.open(session.stored, request.deadline);
    if (!is_open) {
        count(parts, "wrong");
        co_return credentials_wrong();
    }
    count(parts, "accepted");
    co_await remember_place(parts, request, account.id, place);
    co_return session_of(parts, credentials, session);
}

}  // namespace

net::awaitable<http::Response> log_in(Parts& parts, http::Request& request) {
    const Wiped wiped_body(request.body);
    auto body = json::decode<LoginBody>(request.body);
    if (!body) co_return body_problem(body.error());
    const Wiped wiped_password(body->password);
    const auto email = read_email(body->email);
    if (!email) co_return field_problem("email", email.error());
    if (count_characters(body->password) > password_characters_max) {
        co_return field_problem("password", "No password has more than 256 characters.");
    }

    const auto credentials = co_await parts.accounts.find_credentials(email->key, request.deadline);
    std::string device_token = body->device_token.value_or("");
    const Place place = co_await find_place(parts, request, credentials, std::move(device_token));
    const auto counted = parts.attempts_by.login(request, *email, place);
    const std::int64_t wait_ms = co_await parts.attempts.wait_ms(counted, request.deadline);
    if (wait_ms > 0) {
        count(parts, "slowed_down");
        co_return too_many_failures(wait_ms);
    }
    if (!parts.hasher.has_room()) {
        count(parts, "busy");
        co_return busy();
    }
    PasswordCheck check = co_await check_password(parts, credentials, body->password);
    // Guesses sent all at once passed the check above together. Those beyond the free ones learn
    // nothing, and the right one costs the same work as the others.
    const std::int64_t new_wait_ms = co_await parts.attempts.wait_ms(counted, request.deadline);
    if (!check.is_right || new_wait_ms > 0) {
        co_await parts.attempts.add(counted, request.deadline);
    }
    if (new_wait_ms > 0) {
        count(parts, "slowed_down");
        co_return too_many_failures(new_wait_ms);
    }
    if (!check.is_right) {
        count(parts, "wrong");
        co_return credentials_wrong();
    }
    co_await parts.attempts.forget(counted.front().subject, request.deadline);
    http::Response response =
        co_await let_in(parts, request, *credentials, place, std::move(check), body->password);
    co_return response;
}

}  // namespace auth::api
