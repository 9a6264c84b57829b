#pragma once

#include <string>

#include "http/client.hpp"
#include "net/net.hpp"
#include "payment/domain/delivery.hpp"

namespace payment {

/// Tells order of one event: `POST /internal/v1/payment-events`, signed anew for each delivery.
class WebhookClient {
  public:
    WebhookClient(
        net::Executor executor, http::Origin order, std::string secret, std::size_t connections_max
    );

    /// Throws http::TransportError if no answer came in time.
    net::awaitable<Answer> send(Event event, net::Deadline deadline);

  private:
    std::string secret_;
    http::Client client_;
};

}  // namespace payment
