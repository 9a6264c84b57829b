#pragma once

#include "http/client.hpp"
#include "order/clients/payment_provider.hpp"

namespace order {

/// The provider over HTTP (contracts/payment.openapi.yaml). Connections are kept and bounded; no
/// call waits longer than its deadline or `timeout_ms`, whichever comes first.
class PaymentClient final : public PaymentProvider {
  public:
    struct Limits {
        std::int64_t timeout_ms = 2000;
        std::size_t connections_max = 256;
    };

    PaymentClient(
        net::Executor executor, http::Origin origin, std::string authorization, Limits limits
    );

    bool accepts(std::string_view method) const override;
    net::awaitable<std::optional<ChargeVerdict>> charge(
        PaymentAttempt attempt, std::string method, Call call
    ) override;
    net::awaitable<std::optional<ChargeVerdict>> ask(PaymentAttempt attempt, Call call) override;
    net::awaitable<VoidAnswer> void_charge(PaymentAttempt attempt, Call call) override;
    net::awaitable<void> refund(PaymentAttempt attempt, Call call) override;

  private:
    net::awaitable<http::Response> send(
        std::string method, std::string target, std::string body, Call call
    );

    std::string authorization_;
    Limits limits_;
    http::Client client_;
};

}  // namespace order
