#include "payment/clients/webhook_client.hpp"

#include <utility>

#include <fmt/format.h>

#include "base/timestamp.hpp"
#include "json/encode.hpp"
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

}  // namespace

WebhookClient::WebhookClient(
    net::Executor executor, http::Origin order, std::string secret, std::size_t connections_max
)
    : secret_(std::move(secret)),
      client_(std::move(executor), std::move(order), limits_of(connections_max)) {}

net::awaitable<int> WebhookClient::send(Event event, net::Deadline deadline) {
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
    co_return response.status;
}

}  // namespace payment
