#include "auth/api/answers.hpp"
#include "auth/api/endpoints.hpp"
#include "auth/api/messages.hpp"
#include "base/timestamp.hpp"
#include "json/decode.hpp"
#include "logging/logging.hpp"

namespace auth::api {
namespace {

std::string name_of(RefreshDecision decision) {
    switch (decision) {
        case RefreshDecision::rotate:
            return "rotated";
        case RefreshDecision::repeat:
            return "repeated";
        case RefreshDecision::revoke:
            return "revoked";
        case RefreshDecision::refuse:
            return "refused";
    }
    return "refused";
}

}  // namespace

net::awaitable<http::Response> refresh(Parts& parts, http::Request& request) {
    const auto body = json::decode<RefreshTokenBody>(request.body);
    if (!body) co_return body_problem(body.error());
    const auto token = TokenMaker::read_refresh_token(body->refresh_token);
    if (!token) co_return refresh_token_invalid();

    const auto successors = parts.tokens.successors_of(*token);
    std::vector<Digest> digests;
    for (const auto& successor : successors) digests.push_back(successor.digest);
    const auto refreshed = co_await parts.sessions.refresh(
        token->digest, std::move(digests), parts.tokens.lifetimes().refresh_s, request.deadline
    );
    parts.metrics
        .counter(
            "doorbuster_auth_refreshes_total",
            "Refreshes by outcome",
            {{"outcome", name_of(refreshed.decision)}}
        )
        .Increment();
    if (refreshed.decision == RefreshDecision::revoke) {
        logging::warning(
            "a used refresh token came back, its session was ended",
            {{"account_id", refreshed.account->id.to_string()},
             {"request_id", request.request_id},
             {"trace_id", request.trace.trace_id()}}
        );
    }
    const bool is_granted = refreshed.decision == RefreshDecision::rotate ||
                            refreshed.decision == RefreshDecision::repeat;
    if (!is_granted) co_return refresh_token_invalid();
    NewTokens tokens;
    tokens.access_token = parts.tokens.access_token(*refreshed.account, base::unix_now_ms() / 1000);
    tokens.expires_in_s = parts.tokens.lifetimes().access_s;
    tokens.refresh_token = successors[refreshed.successor].text;
    co_return session_response(*refreshed.account, std::move(tokens));
}

}  // namespace auth::api
