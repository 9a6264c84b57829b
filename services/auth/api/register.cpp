#include "auth/api/answers.hpp"
#include "auth/api/endpoints.hpp"
#include "auth/api/messages.hpp"
#include "auth/api/wiped.hpp"
#include "auth/domain/account_rules.hpp"
#include "base/timestamp.hpp"
#include "json/decode.hpp"

namespace auth::api {

net::awaitable<http::Response> register_account(Parts& parts, http::Request& request) {
    const Wiped wiped_body(request.body);
    auto body = json::decode<RegisterBody>(request.body);
    if (!body) co_return body_problem(body.error());
    const Wiped wiped_password(body->password);

    const auto email = read_email(body->email);
    if (!email) co_return field_problem("email", email.error());
    const auto complaint = password_problem(body->password, *email);
    if (complaint) co_return field_problem("password", *complaint);
    const auto name = read_name(body->name.value_or(""));
    if (!name) co_return field_problem("name", name.error());

    // Whether an address has an account can't be hidden here without sending mail (ADR 0036): the
    // number of questions is bounded instead, whatever the answer.
    const auto counted = parts.attempts_by.registration(request);
    const std::int64_t wait_ms = co_await parts.attempts.wait_ms(counted, request.deadline);
    if (wait_ms > 0) co_return too_many_registrations(wait_ms);
    if (!parts.hasher.has_room()) co_return busy();
    co_await parts.attempts.add(counted, request.deadline);
    NewAccount made;
    made.id = parts.ids.next(base::unix_now_ms());
    made.email = *email;
    made.name = *name;
    made.password_phc = co_await parts.hasher.hash(body->password);
    const auto account = co_await parts.accounts.add(std::move(made), request.deadline);
    if (!account) co_return email_taken();
    co_return account_response(201, *account);
}

}  // namespace auth::api
