#include "payment/clients/webhook_client.hpp"

#include <utility>

#include <fmt/format.h>

#include "base/timestamp.hpp"
#include "json/encode.hpp"
#include "json/json.hpp"
#include "payment/clients/event_message.hpp"
#include "service/webhook_signature.hpp"

namespace payment {
namespace {

http::ClientLimits limits_of(std::size_t connections_max) {
    http::ClientLimits limits;
    limits.connections_max = connections_max;
    limits.response_bytes_max = 64 * 1024;
    return limits;
}

/// Of a problem document; empty if the answer is none.
std::string code_of(const http::Response& response) {
    const auto document = json::parse(response.body);
    if (!document || !document->is_object()) return {};
    const auto* const code = document->get_object().if_contains("code");
    return code && code->is_string() ? std::string(code->get_string()) : std::string();
}

}  // namespace

WebhookClient::WebhookClient(
    net::Executor executor, http::Origin order, std::string secret, std::size_t connections_max
)
    : secret_(std::move(secret)),
      client_(std::move(executor), std::move(order), limits_of(connections_max)) {}

net::awaitable<Answer> WebhookClient::send(Event event, net::Deadline deadline) {
    EventMessage message;
    message.id = event.id;
    message.key = event.key;
    message.state = event.state;
    message.amount_cents = event.amount_cents;
    message.currency = event.currency;
    message.created_at = base::format_timestamp(event.created_at_ms);
    http::OutgoingRequest request;
    request.method = "POST";
    request.target = "/internal/v1/payment-events";
    request.body = json::encode(message);
    request.headers.set("Content-Type", "application/json");
    // A kept connection that order closed meanwhile may be replaced: events may come twice.
    request.headers.set("Idempotency-Key", event.id.to_string());
    request.headers.set(
        std::string(service::webhook_signature_header),
        service::sign_webhook(secret_, base::unix_now_ms() / 1000, request.body)
    );
    request.headers.set("X-Deadline-Ms", fmt::to_string(net::time_left(deadline).count()));
    const http::Response response = co_await client_.send(std::move(request), deadline);
    co_return Answer{response.status, code_of(response)};
}

}  // namespace payment
