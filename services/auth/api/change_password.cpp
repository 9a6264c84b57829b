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

std::optional<http::Response> complaint_about(const PasswordBody& body, const Account& account) {
    if (count_characters(body.current_password) > password_characters_max) {
        return field_problem("current_password", "No password has more than 256 characters.");
    }
    const Email email = read_email(account.email).value_or(Email{account.email, account.email});
    const auto complaint = password_problem(body.new_password, email);
    if (complaint) return field_problem("new_password", *complaint);
    if (body.new_password == body.current_password) {
        return field_problem("new_password", "Choose a password that is not the current one.");
    }
    return std::nullopt;
}

}  // namespace

// Guesses at the current password are counted like those at a login: whoever found an access token
// must not find the password, too.
net::awaitable<http::Response> change_password(Parts& parts, http::Request& request) {
    const Wiped wiped_body(request.body);
    const auto caller = parts.access.caller(request);
    if (!caller) co_return http::to_response(caller.error());
    auto body = json::decode<PasswordBody>(request.body);
    if (!body) co_return body_problem(body.error());
    const Wiped wiped_current(body->current_password);
    const Wiped wiped_new(body->new_password);
    const auto credentials =
        co_await parts.accounts.find_credentials(caller->account_id, request.deadline);
    if (!credentials || credentials->account.is_disabled) co_return account_gone();
    auto complaint = complaint_about(*body, credentials->account);
    if (complaint) co_return std::move(*complaint);

    const auto counted = AttemptRules::password_change(caller->account_id);
    const std::int64_t wait_ms = co_await parts.attempts.wait_ms(counted, request.deadline);
    if (wait_ms > 0) co_return too_many_failures(wait_ms);
    if (!parts.hasher.has_room()) co_return busy();
    const PasswordCheck check =
        co_await check_password(parts, credentials, std::move(body->current_password));
    const std::int64_t new_wait_ms = co_await parts.attempts.wait_ms(counted, request.deadline);
    if (!check.is_right || new_wait_ms > 0) {
        co_await parts.attempts.add(counted, request.deadline);
    }
    if (new_wait_ms > 0) co_return too_many_failures(new_wait_ms);
    if (!check.is_right) co_return current_password_wrong();

    if (!parts.hasher.has_room()) co_return busy();
    std::string phc = co_await parts.hasher.hash(std::move(body->new_password));
    const FreshSession session = fresh_session(parts, *credentials);
    const bool is_changed =
        co_await parts.sessions.start_over(session.stored, std::move(phc), request.deadline);
    if (!is_changed) co_return current_password_wrong();
    co_await parts.attempts.forget(counted.front().subject, request.deadline);
    logging::info(
        "a password was changed",
        {{"account_id", caller->account_id.to_string()},
         {"request_id", request.request_id},
         {"trace_id", request.trace.trace_id()}}
    );
    auto changed = credentials;
    ++changed->password_version;
    const Place place = new_place(parts, request, changed);
    co_await remember_place(parts, request, caller->account_id, place);
    co_return session_of(parts, *changed, session);
}

}  // namespace auth::api
