#include "order/clients/payment_client.hpp"

#include <algorithm>
#include <utility>

#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "json/json.hpp"
#include "logging/logging.hpp"

namespace order {
namespace {

http::ClientLimits limits_of(std::size_t connections_max) {
    http::ClientLimits limits;
    limits.connections_max = connections_max;
    limits.connect_timeout_ms = 300;
    limits.response_bytes_max = 64 * 1024;
    return limits;
}

std::string text_member(const http::Response& response, std::string_view name) {
    const auto document = json::parse(response.body);
    if (!document || !document->is_object()) return {};
    const auto* const value = document->get_object().if_contains(name);
    return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

/// These say that the charge was not even looked at.
bool is_certainly_without_effect(int status, std::string_view code) {
    return status == 400 || status == 401 || status == 429 ||
           (status == 503 && (code == "busy" || code == "unavailable"));
}

base::NeighbourError senseless(const http::Response& response) {
    using Effect = base::NeighbourError::Effect;
    const std::string code = text_member(response, "code");
    return base::NeighbourError(
        "payment",
        fmt::format("status {} {}", response.status, code),
        is_certainly_without_effect(response.status, code) ? Effect::none : Effect::unknown
    );
}

std::int64_t amount_of(const http::Response& response) {
    const auto document = json::parse(response.body);
    if (!document || !document->is_object()) return -1;
    const auto* const value = document->get_object().if_contains("amount_cents");
    return value && value->is_int64() ? value->get_int64() : -1;
}

/// Of a charge's state. Voided and refunded mean that this attempt will never be paid for. What is
/// said of another amount is no verdict: somebody has to look at it.
std::optional<ChargeVerdict> verdict_of(
    const http::Response& response, const PaymentAttempt& attempt, const http::TraceContext& trace
) {
    const std::string state = text_member(response, "state");
    if (state == "pending") return std::nullopt;
    // A void that came before its charge: there never was an amount.
    if (state == "voided") return ChargeVerdict::declined;
    if (state != "charged" && state != "declined" && state != "refunded") throw senseless(response);
    const std::int64_t amount_cents = amount_of(response);
    const std::string currency = text_member(response, "currency");
    if (!is_about(attempt, amount_cents, currency)) {
        logging::error(
            "a verdict about another amount",
            {{"attempt", AttemptKey{attempt.order_id, attempt.n}.to_string()},
             {"amount_cents", amount_cents},
             {"currency", currency},
             {"trace_id", trace.trace_id()}}
        );
        return std::nullopt;
    }
    return state == "charged" ? ChargeVerdict::approved : ChargeVerdict::declined;
}

bool is_good(const http::Response& response) {
    return response.status == 200 || response.status == 201;
}

std::string key_of(const PaymentAttempt& attempt) {
    return AttemptKey{attempt.order_id, attempt.n}.to_string();
}

std::string target_of(const PaymentAttempt& attempt) {
    return "/v1/charges/" + key_of(attempt);
}

}  // namespace

PaymentClient::PaymentClient(
    net::Executor executor, http::Origin origin, std::string authorization, Limits limits
)
    : authorization_(std::move(authorization)),
      limits_(limits),
      client_(std::move(executor), std::move(origin), limits_of(limits.connections_max)) {}

bool PaymentClient::accepts(std::string_view method) const {
    return is_payment_method(method);
}

net::awaitable<std::optional<ChargeVerdict>> PaymentClient::charge(
    PaymentAttempt attempt, std::string method, Call call
) {
    const json::Object body{
        {"key", key_of(attempt)},
        {"amount_cents", attempt.amount_cents},
        {"currency", attempt.currency},
        {"method", method}
    };
    const http::Response response =
        co_await send("POST", "/v1/charges", json::serialize(body), call);
    if (!is_good(response)) throw senseless(response);
    co_return verdict_of(response, attempt, call.trace);
}

net::awaitable<std::optional<ChargeVerdict>> PaymentClient::ask(PaymentAttempt attempt, Call call) {
    const http::Response response = co_await send("GET", target_of(attempt), {}, call);
    // The charge itself may still be on its way there.
    if (response.status == 404) co_return std::nullopt;
    if (!is_good(response)) throw senseless(response);
    co_return verdict_of(response, attempt, call.trace);
}

net::awaitable<VoidAnswer> PaymentClient::void_charge(PaymentAttempt attempt, Call call) {
    const http::Response response = co_await send("POST", target_of(attempt) + "/void", {}, call);
    if (is_good(response)) co_return VoidAnswer::voided;
    const std::string code = text_member(response, "code");
    if (response.status == 409 && code == "charged") co_return VoidAnswer::charged;
    if (response.status == 409 && code == "refunded") co_return VoidAnswer::voided;
    throw senseless(response);
}

net::awaitable<void> PaymentClient::refund(PaymentAttempt attempt, Call call) {
    const http::Response response = co_await send("POST", target_of(attempt) + "/refund", {}, call);
    const bool has_nothing =
        response.status == 409 && text_member(response, "code") == "not_charged";
    if (!is_good(response) && !has_nothing) throw senseless(response);
}

net::awaitable<http::Response> PaymentClient::send(
    std::string method, std::string target, std::string body, Call call
) {
    const auto until =
        std::min(call.deadline, net::deadline_in(std::chrono::milliseconds(limits_.timeout_ms)));
    http::OutgoingRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.headers.set("Authorization", authorization_);
    if (!body.empty()) request.headers.set("Content-Type", "application/json");
    request.headers.set("X-Deadline-Ms", fmt::to_string(net::time_left(until).count()));
    // No Idempotency-Key, though every call may be repeated: http::Client would then send a charge
    // once more over a new connection, and "cannot connect" would no longer mean "never asked".
    request.body = std::move(body);
    request.trace = call.trace;
    co_return co_await client_.send(std::move(request), until);
}

}  // namespace order
