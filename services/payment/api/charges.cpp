#include "payment/api/charges.hpp"

#include <algorithm>

#include "base/timestamp.hpp"
#include "json/decode.hpp"
#include "json/encode.hpp"
#include "net/event.hpp"
#include "payment/api/error_response.hpp"
#include "payment/api/messages.hpp"

namespace payment::api {
namespace {

using std::chrono::milliseconds;

http::Response charge_response(int status, const std::string& key, const Charge& charge) {
    ChargeBody body;
    body.key = key;
    body.state = to_string(charge.state);
    body.amount_cents = charge.amount_cents;
    body.currency = charge.currency;
    body.method = charge.method;
    body.created_at = base::format_timestamp(charge.created_at_ms);
    body.changed_at = base::format_timestamp(charge.changed_at_ms);
    return http::json_response(status, json::encode(body));
}

/// Keeps an answer back as the method wants it, never longer than its caller waits.
net::awaitable<void> linger(Script script, net::Deadline deadline) {
    const milliseconds left = std::max(net::time_left(deadline), milliseconds(0));
    const milliseconds wanted(script.answer_after_ms);
    const milliseconds wait = script.is_answered ? std::min(wanted, left) : left;
    if (wait > milliseconds(0)) co_await net::sleep_for(wait);
}

}  // namespace

net::awaitable<http::Response> make_charge(Parts& parts, http::Request& request) {
    const auto caller = parts.callers.caller(request);
    if (!caller) co_return http::to_response(caller.error());
    auto body = json::decode<NewChargeBody>(request.body);
    if (!body) co_return body_response(body.error());
    ChargeLedger::NewCharge charge;
    charge.request = {body->key, body->amount_cents, body->currency, body->method};
    if (const auto problem = find_problem(charge.request)) co_return field_response(*problem);
    const auto script = script_of(body->method, parts.timings);
    if (!script) {
        co_return field_response({"method", "Known are " + std::string(known_methods()) + "."});
    }
    if (!parts.batches.has_room()) co_return busy();
    charge.script = *script;
    charge.event_id = parts.ids.next(base::unix_now_ms());
    const ChargeLedger::Entered entered = co_await parts.batches.charge(charge);
    if (!is_same_request(entered.charge, charge.request)) co_return key_reused();
    // Only the request that made the charge meets with the trouble its method stands for: who asks
    // again is answered.
    if (entered.by_this_request) co_await linger(*script, request.deadline);
    if (entered.by_this_request && !script->is_answered) co_return unknown_outcome();
    co_return charge_response(entered.by_this_request ? 201 : 200, body->key, entered.charge);
}

net::awaitable<http::Response> get_charge(Parts& parts, http::Request& request) {
    const auto caller = parts.callers.caller(request);
    if (!caller) co_return http::to_response(caller.error());
    const std::string key(request.path_parameter("key"));
    if (!is_key(key)) co_return charge_unknown();
    const auto charge = co_await parts.ledger.find(key, request.deadline);
    if (!charge) co_return charge_unknown();
    co_return charge_response(200, key, *charge);
}

net::awaitable<http::Response> void_charge(Parts& parts, http::Request& request) {
    const auto caller = parts.callers.caller(request);
    if (!caller) co_return http::to_response(caller.error());
    const std::string key(request.path_parameter("key"));
    if (!is_key(key)) co_return charge_unknown();
    const Charge charge = co_await parts.ledger.void_charge(key, request.deadline);
    const bool is_too_late =
        charge.state == ChargeState::charged || charge.state == ChargeState::refunded;
    if (is_too_late) co_return void_refusal(charge.state);
    co_return charge_response(200, key, charge);
}

net::awaitable<http::Response> refund_charge(Parts& parts, http::Request& request) {
    const auto caller = parts.callers.caller(request);
    if (!caller) co_return http::to_response(caller.error());
    const std::string key(request.path_parameter("key"));
    if (!is_key(key)) co_return charge_unknown();
    const auto charge = co_await parts.ledger.refund(key, request.deadline);
    if (!charge) co_return charge_unknown();
    if (charge->state != ChargeState::refunded) co_return refund_refusal(charge->state);
    co_return charge_response(200, key, *charge);
}

}  // namespace payment::api
