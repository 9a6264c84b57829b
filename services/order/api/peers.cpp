#include "order/api/peers.hpp"

#include "json/decode.hpp"
#include "json/encode.hpp"
#include "order/api/error_response.hpp"
#include "order/api/order_json.hpp"
#include "order/clients/peer_messages.hpp"

namespace order::api {
namespace {

http::Response not_holder() {
    return http::to_response(
        {409, "not_holder", "This pod does not hold the sale's lease.", {}, {}, {}}
    );
}

}  // namespace

net::awaitable<http::Response> serve_peer_batch(Parts& parts, http::Request& request) {
    const auto caller = parts.callers.caller(request);
    if (!caller) co_return http::to_response(caller.error());
    const auto id = id_of(request);
    if (!id) co_return sale_unknown();
    const auto message = json::decode<peer::BatchMessage>(request.body);
    if (!message) co_return body_response(message.error());
    const auto engine = parts.desk.running(*id);
    if (!engine) co_return not_holder();
    auto batch = peer::from_message(*message);
    batch.waited = peer::waited_of(request.headers);
    const auto answers = co_await engine->serve_forwarded(std::move(batch), request.deadline);
    if (!answers) co_return not_holder();
    co_return http::json_response(200, json::encode(peer::to_message(*answers)));
}

}  // namespace order::api
