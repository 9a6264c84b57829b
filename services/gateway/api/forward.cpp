#include "gateway/api/forward.hpp"

#include <algorithm>

#include "http/problem.hpp"
#include "logging/logging.hpp"

namespace gateway {

namespace {

constexpr std::int64_t retry_after_ms_min = 1000;

/// Credentials between rooms never come from outside.
bool has_service_credential(const http::Request& request) {
    constexpr std::string_view scheme = "Service";
    for (const auto& [name, value] : request.headers) {
        if (name.size() != 13 || !http::equal_ignoring_case(name, "Authorization")) continue;
        const auto first = std::string_view(value).find_first_not_of(" \t");
        if (first == std::string_view::npos) continue;
        const auto given = std::string_view(value).substr(first, scheme.size());
        if (http::equal_ignoring_case(given, scheme)) return true;
    }
    return false;
}

bool has_no_effect(std::string_view method) {
    return method == "GET" || method == "HEAD";
}

http::Response failure_response(const UpstreamFailure& failure, bool can_have_effect) {
    http::Problem problem;
    problem.status = 503;
    const std::int64_t wait_ms = std::max(failure.wait_ms, retry_after_ms_min);
    problem.retry_after_s = static_cast<int>((wait_ms + 999) / 1000);
    if (failure.was_sent && can_have_effect) {
        problem.code = "unknown";
        problem.detail =
            "The outcome is not known yet: send the same request with the same Idempotency-Key "
            "again.";
    } else {
        problem.code = "upstream_unavailable";
        problem.detail = "Nothing was changed. Send the request again in a moment.";
    }
    return to_response(problem);
}

}  // namespace

std::expected<Door::Identity, http::Problem> Door::identify(
    const http::Request& request, Caller caller
) {
    if (has_service_credential(request)) {
        return std::unexpected(http::Problem{
            .status = 401,
            .code = "token_invalid",
            .detail = "Credentials between rooms are not taken here; log in to get a token.",
            .field = "header Authorization"
        });
    }
    const auto credentials = request.headers.count("Authorization");
    if (credentials > 1) {
        return std::unexpected(http::Problem{
            .status = 400,
            .code = "request_malformed",
            .detail = "Send one Authorization header.",
            .field = "header Authorization"
        });
    }
    if (caller == Caller::anyone) {
        // Whoever is signed in is counted by account here too, not with the neighbours.
        if (credentials == 0) return Identity{};
        const auto claims = access_.caller(request);
        return claims ? Identity{*claims} : Identity{};
    }
    const auto claims = caller == Caller::admin ? access_.admin(request) : access_.caller(request);
    if (!claims) return std::unexpected(claims.error());
    return Identity{*claims};
}

net::awaitable<http::Response> Door::pass(http::Request& request, Passage passage) {
    // Before anything is refused: the log is to name who was.
    if (proxies_.contains(request.remote_address)) {
        request.notes.client_address = service::client_of(hops_of(request, proxies_), proxies_);
    }
    const auto identity = identify(request, passage.caller);
    if (!identity) co_return to_response(identity.error());
    const auto standing = limits_.count(request, passage.limit, *identity);
    if (standing && !standing->allowance.is_granted) co_return limits_.refusal(*standing);
    const bool can_have_effect = !has_no_effect(request.method);
    const bool repeatable = !can_have_effect || passage.is_repeatable ||
                            request.headers.get("Idempotency-Key").has_value();
    http::OutgoingRequest outgoing;
    // The server drops the body of a HEAD's answer, and says the length that GET would have.
    outgoing.method = request.method == "HEAD" ? "GET" : request.method;
    outgoing.target = request.target;
    outgoing.headers = take_request_headers(request, proxies_);
    outgoing.body = std::move(request.body);
    outgoing.trace = request.trace;
    outgoing.notes = &request.notes;
    auto answer = co_await passage.room->send(
        outgoing,
        std::min(request.deadline, net::deadline_in(passage.patience)),
        repeatable ? Repeatable::yes : Repeatable::no,
        passage.caller == Caller::admin ? Lane::admins : Lane::everyone,
        passage.pace
    );
    http::Response response;
    if (answer) {
        response = std::move(*answer);
        clean_response_headers(response.headers);
    } else {
        logging::debug(
            "no answer from a room",
            {{"request_id", request.request_id},
             {"trace_id", request.trace.trace_id()},
             {"route", request.route_pattern},
             {"error", answer.error().what}}
        );
        response = failure_response(answer.error(), can_have_effect);
    }
    if (standing) limits_.add_headers(*standing, response.headers);
    co_return response;
}

}  // namespace gateway
