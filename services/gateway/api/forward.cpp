#include "gateway/api/forward.hpp"

#include "http/problem.hpp"
#include "logging/logging.hpp"

namespace gateway {

namespace {

constexpr int retry_after_s = 1;

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
    problem.retry_after_s = retry_after_s;
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

std::optional<http::Problem> Door::refusal(const http::Request& request, Caller caller) {
    if (has_service_credential(request)) {
        return http::Problem{
            .status = 401,
            .code = "token_invalid",
            .detail = "Credentials between rooms are not taken here; log in to get a token.",
            .field = "header Authorization"
        };
    }
    if (request.headers.count("Authorization") > 1) {
        return http::Problem{
            .status = 400,
            .code = "request_malformed",
            .detail = "Send one Authorization header.",
            .field = "header Authorization"
        };
    }
    if (caller == Caller::anyone) return std::nullopt;
    const auto claims = caller == Caller::admin ? access_.admin(request) : access_.caller(request);
    if (claims) return std::nullopt;
    return claims.error();
}

net::awaitable<http::Response> Door::pass(http::Request& request, Passage passage) {
    if (const auto refused = refusal(request, passage.caller)) co_return to_response(*refused);
    const bool can_have_effect = !has_no_effect(request.method);
    const bool repeatable = !can_have_effect || passage.is_repeatable ||
                            request.headers.get("Idempotency-Key").has_value();
    http::OutgoingRequest outgoing;
    // The server drops the body of a HEAD's answer, and says the length that GET would have.
    outgoing.method = request.method == "HEAD" ? "GET" : request.method;
    outgoing.target = request.target;
    outgoing.headers = take_request_headers(request, proxies_);
    outgoing.body = std::move(request.body);
    auto answer = co_await passage.room->send(
        outgoing, request.deadline, repeatable ? Repeatable::yes : Repeatable::no
    );
    if (!answer) {
        logging::debug(
            "no answer from a room",
            {{"request_id", request.request_id},
             {"route", request.route_pattern},
             {"error", answer.error().what}}
        );
        co_return failure_response(answer.error(), can_have_effect);
    }
    clean_response_headers(answer->headers);
    co_return std::move(*answer);
}

}  // namespace gateway
