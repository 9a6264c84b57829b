#pragma once

#include "net/batcher.hpp"
#include "order/clients/payment_provider.hpp"
#include "order/store/sandbox_ledger.hpp"

namespace order {

/// A provider that moves no money: "sandbox:approve" is always approved, "sandbox:decline" always
/// declined. It keeps a ledger of its own, with the same promises a real provider gives.
class SandboxProvider final : public PaymentProvider {
  public:
    struct Limits {
        std::size_t queue_max = 8192;
        std::size_t batch_max = 256;
        std::int64_t timeout_ms = 1500;
    };

    SandboxProvider(net::Executor executor, SandboxLedger& ledger, Limits limits);

    bool accepts(std::string_view method) const override;
    net::awaitable<ChargeVerdict> charge(
        PaymentAttempt attempt, std::string method, net::Deadline deadline
    ) override;
    net::awaitable<void> void_charge(PaymentAttempt attempt, net::Deadline deadline) override;
    net::awaitable<void> refund(PaymentAttempt attempt, net::Deadline deadline) override;

  private:
    net::awaitable<std::vector<ChargeVerdict>> charge_all(std::vector<SandboxLedger::Charge> charges
    );

    SandboxLedger& ledger_;
    Limits limits_;
    net::Batcher<SandboxLedger::Charge, ChargeVerdict> charges_;
};

}  // namespace order
