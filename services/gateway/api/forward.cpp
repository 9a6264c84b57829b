#include "gateway/api/forward.hpp"

#include <algorithm>
#include <utility>

#include "base/whole_number.hpp"
#include "gateway/api/headers.hpp"
#include "http/server.hpp"
#include "logging/logging.hpp"
#include "net/steady_now.hpp"

namespace gateway {

namespace {

constexpr std::int64_t retry_after_ms_min = 1000;
constexpr int busy_retry_after_s = 1;  ///< as order says it
constexpr std::chrono::milliseconds deadline_slack(100);

struct Credentials {
    int headers = 0;
    bool has_rooms = false;  ///< of one room to another, which never come from outside
};

Credentials credentials_of(const http::Request& request) {
    constexpr std::string_view scheme = "Service";
    Credentials found;
    for (const auto& [name, value] : request.headers) {
        if (!http::equal_ignoring_case(name, "Authorization")) continue;
        ++found.headers;
        const auto first = std::min(value.find_first_not_of(" \t"), value.size());
        const auto given = std::string_view(value).substr(first, scheme.size());
        if (http::equal_ignoring_case(given, scheme)) found.has_rooms = true;
    }
    return found;
}

bool has_no_effect(std::string_view method) {
    return method == "GET" || method == "HEAD";
}

/// A room that gives up just before a hurried caller does has been told to hurry.
bool is_over_as_wished(const Terms& terms) {
    return terms.is_callers_wish && net::time_left(terms.deadline) <= deadline_slack;
}

/// One line for each, so only for who asks for it: a room's outage has warnings of its own.
void log_failure(const http::Request& request, const UpstreamFailure& failure) {
    logging::debug(
        "no answer from a room",
        {{"request_id", request.request_id},
         {"trace_id", request.trace.trace_id()},
         {"route", request.route_pattern},
         {"cut_short", failure.was_callers_wish},
         {"error", failure.what}}
    );
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

Door::Door(
    service::Access& access,
    Limits& limits,
    const service::TrustedProxies& proxies,
    metrics::Registry& metrics,
    const BusyLimits& busy
)
    : access_(access),
      limits_(limits),
      proxies_(proxies),
      busy_paths_(busy),
      busy_refusals_(metrics.counter(
          "doorbuster_gateway_busy_refusals_total",
          "Requests told busy without asking the room, which had just said so."
      )) {}

Sender Door::sender_of(const http::Request& request) const {
    Sender sender = gateway::sender_of(request, proxies_);
    if (sender.client != request.remote_address) request.notes.client_address = sender.client;
    return sender;
}

std::expected<Door::Identity, http::Response> Door::identify(
    const http::Request& request, const Sender& sender, const Passage& passage
) {
    const Credentials given = credentials_of(request);
    if (given.has_rooms) {
        return std::unexpected(to_response(http::Problem{
            .status = 401,
            .code = "token_invalid",
            .detail = "Credentials between rooms are not taken here; log in to get a token.",
            .field = "header Authorization"
        }));
    }
    if (given.headers > 1) {
        return std::unexpected(to_response(http::Problem{
            .status = 400,
            .code = "request_malformed",
            .detail = "Send one Authorization header.",
            .field = "header Authorization"
        }));
    }
    if (passage.caller == Caller::anyone) {
        if (given.headers == 0 || is_by_address_always(passage.limit)) return Identity{};
        // Whoever is signed in is counted by account here too, not with the neighbours.
        const auto claims = check_token(request, sender);
        return claims ? Identity{*claims} : Identity{};
    }
    if (given.headers == 0) {
        return std::unexpected(to_response(access_.caller(request).error()));
    }
    const auto claims = check_token(request, sender);
    if (!claims) return std::unexpected(refusal(claims.error()));
    return Identity{*claims};
}

/// A signature is the dearest thing that a stranger can have checked. Addresses that forged too
/// often get no further one checked for a while. Whatever can be said without one is said all the
/// same: who is known already goes on, and whose token ran out is told to refresh it (ADR 0037).
std::expected<token::Claims, Door::NotTaken> Door::check_token(
    const http::Request& request, const Sender& sender
) {
    const auto known = access_.known_caller(request);
    if (!known) return std::unexpected(NotTaken{known.error(), std::nullopt});
    if (*known) return **known;
    const auto standing = limits_.look(sender, Limit::invalid_token);
    if (standing && !standing->allowance.is_granted) {
        return std::unexpected(NotTaken{{}, standing});
    }
    auto claims = access_.caller(request);
    if (claims) return *claims;
    const auto counted = limits_.count(sender, Limit::invalid_token, std::nullopt);
    return std::unexpected(NotTaken{std::move(claims.error()), counted});
}

http::Response Door::refusal(const NotTaken& why) const {
    if (!why.standing) return to_response(why.problem);
    if (!why.standing->allowance.is_granted) return limits_.refusal(*why.standing);
    auto response = to_response(why.problem);
    limits_.add_headers(*why.standing, response.headers);
    return response;
}

bool Door::is_busy(const http::Request& request) const {
    return busy_paths_.is_busy(request.method, request.path, net::steady_now_ms());
}

void Door::note_busy(const http::Request& request, const http::Response& response) {
    const auto told = response.headers.get(http::busy_for_header);
    if (!told) return;
    const auto for_ms = base::whole_number<std::int64_t>(*told);
    if (for_ms) busy_paths_.note(request.method, request.path, *for_ms, net::steady_now_ms());
}

/// Who is known, which costs no signature, is counted like anybody who is let in: a full line is no
/// reason to ask as often as one likes.
http::Response Door::busy(const http::Request& request, const Sender& sender, Limit limit) {
    std::optional<Standing> standing;
    const auto known = access_.known_caller(request);
    if (known && *known) standing = limits_.count(sender, limit, *known);
    if (standing && !standing->allowance.is_granted) return limits_.refusal(*standing);
    busy_refusals_.Increment();
    auto response = to_response(http::Problem{
        .status = 503,
        .code = "busy",
        .detail = "The shop is busy; try again with the same key.",
        .retry_after_s = busy_retry_after_s
    });
    if (standing) limits_.add_headers(*standing, response.headers);
    return response;
}

http::Handler Door::counted(http::Handler handler) {
    return [this, handler = std::move(handler)](http::Request& request) {
        return show(request, handler);
    };
}

net::awaitable<http::Response> Door::show(http::Request& request, const http::Handler& handler) {
    const auto standing = limits_.count(sender_of(request), Limit::browse, std::nullopt);
    if (standing && !standing->allowance.is_granted) co_return limits_.refusal(*standing);
    http::Response response = co_await handler(request);
    if (standing) limits_.add_headers(*standing, response.headers);
    co_return response;
}

net::awaitable<http::Response> Door::pass(http::Request& request, Passage passage) {
    const Sender sender = sender_of(request);
    // Before anything is checked: in a rush a signature costs more than all the rest (ADR 0048).
    if (is_busy(request)) co_return busy(request, sender, passage.limit);
    auto identity = identify(request, sender, passage);
    if (!identity) co_return std::move(identity.error());
    const auto standing = limits_.count(sender, passage.limit, *identity);
    if (standing && !standing->allowance.is_granted) co_return limits_.refusal(*standing);
    if (passage.caller == Caller::admin) {
        const auto problem = service::Access::refusal_of_admin_route(**identity);
        if (problem) {
            http::Response refused = to_response(*problem);
            if (standing) limits_.add_headers(*standing, refused.headers);
            co_return refused;
        }
    }
    const bool can_have_effect = !has_no_effect(request.method);
    const bool repeatable = !can_have_effect || passage.is_repeatable ||
                            request.headers.get("Idempotency-Key").has_value();
    http::OutgoingRequest outgoing;
    // The server drops the body of a HEAD's answer, and says the length that GET would have.
    outgoing.method = request.method == "HEAD" ? "GET" : request.method;
    outgoing.target = request.target;
    outgoing.headers = take_request_headers(request, sender);
    outgoing.body = std::move(request.body);
    outgoing.trace = request.trace;
    outgoing.notes = &request.notes;
    const auto patience_ends = net::deadline_in(passage.patience);
    const Terms terms{
        .deadline = std::min(request.deadline, patience_ends),
        .is_callers_wish = request.own_time && *request.own_time < http::hurried_time &&
                           request.deadline < patience_ends,
        .repeatable = repeatable ? Repeatable::yes : Repeatable::no,
        .lane = passage.caller == Caller::admin ? Lane::admins : Lane::everyone,
        .pace = passage.pace
    };
    auto answer = co_await passage.room->send(outgoing, terms);
    http::Response response;
    if (answer) {
        response = std::move(*answer);
        if (response.status == 503) {
            request.notes.is_cut_short = is_over_as_wished(terms);
            note_busy(request, response);
        }
        clean_response_headers(response.headers);
    } else {
        request.notes.is_cut_short = answer.error().was_callers_wish;
        log_failure(request, answer.error());
        response = failure_response(answer.error(), can_have_effect);
    }
    if (standing) limits_.add_headers(*standing, response.headers);
    co_return response;
}

}  // namespace gateway
