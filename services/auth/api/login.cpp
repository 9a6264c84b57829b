#include "auth/api/answers.hpp"
#include "auth/api/endpoints.hpp"
#include "auth/api/messages.hpp"
#include "auth/api/wiped.hpp"
#include "auth/domain/account_rules.hpp"
#include "base/timestamp.hpp"
#include "json/decode.hpp"
#include "logging/logging.hpp"
#include "token/digest.hpp"

namespace auth::api {
namespace {

void count(Parts& parts, const std::string& outcome) {
    parts.metrics
        .counter("doorbuster_auth_logins_total", "Logins by outcome", {{"outcome", outcome}})
        .Increment();
}

net::awaitable<http::Response> open_session(
    Parts& parts, const Account& account, net::Deadline deadline
) {
    const std::int64_t now_ms = base::unix_now_ms();
    const auto refresh_token = TokenMaker::new_refresh_token();
    SessionStore::NewSession session;
    session.id = parts.ids.next(now_ms);
    session.account_id = account.id;
    session.token = refresh_token.digest;
    session.lifetime_s = parts.tokens.lifetimes().refresh_s;
    co_await parts.sessions.open(session, deadline);
    co_return session_response(
        account,
        parts.tokens.access_token(account, now_ms / 1000),
        refresh_token.text,
        parts.tokens.lifetimes().access_s
    );
}

// Best effort: the login has succeeded already.
net::awaitable<void> strengthen(
    Parts& parts,
    base::Uuid account_id,
    std::string old_phc,
    std::string password,
    net::Deadline deadline
) {
    const Wiped wiped_password(password);
    if (!parts.hasher.has_room()) co_return;
    try {
        std::string phc = co_await parts.hasher.hash(password);
        co_await parts.accounts.replace_phc(
            account_id, std::move(old_phc), std::move(phc), deadline
        );
    } catch (const base::NeighbourError& error) {
        logging::warning("a password hash was not renewed", {{"why", error.what()}});
    }
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

    const Digest email_digest = token::sha256(email->key);
    const LoginFailures failures = co_await parts.accounts.failures(email_digest, request.deadline);
    const std::int64_t wait_ms = login_wait_ms(failures);
    if (wait_ms > 0) {
        count(parts, "slowed_down");
        co_return too_many_failures(wait_ms);
    }
    const auto credentials = co_await parts.accounts.find_credentials(email->key, request.deadline);
    if (!parts.hasher.has_room()) {
        count(parts, "busy");
        co_return busy();
    }
    // Unknown addresses, and accounts without a password, cost the same time as a wrong password.
    const bool has_password = credentials && credentials->password_phc;
    std::string phc = has_password ? *credentials->password_phc : parts.hasher.decoy();
    const auto verdict = co_await parts.hasher.verify(phc, body->password);
    const bool is_right = has_password && verdict.matches;
    // Guesses sent all at once passed the check above together. Those beyond the free ones learn
    // nothing, and the right one costs the same work as the others.
    const LoginFailures meanwhile =
        co_await parts.accounts.failures(email_digest, request.deadline);
    const std::int64_t new_wait_ms = login_wait_ms(meanwhile);
    if (!is_right || new_wait_ms > 0) {
        co_await parts.accounts.add_failure(email_digest, request.deadline);
    }
    if (new_wait_ms > 0) {
        count(parts, "slowed_down");
        co_return too_many_failures(new_wait_ms);
    }
    if (!is_right) {
        count(parts, "wrong");
        co_return credentials_wrong();
    }
    if (meanwhile.failures > 0) {
        co_await parts.accounts.forget_failures(email_digest, request.deadline);
    }
    if (verdict.needs_rehash) {
        co_await strengthen(
            parts, credentials->account.id, std::move(phc), body->password, request.deadline
        );
    }
    http::Response response = co_await open_session(parts, credentials->account, request.deadline);
    count(parts, "accepted");
    co_return response;
}

}  // namespace auth::api
