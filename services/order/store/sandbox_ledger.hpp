#pragma once

#include <vector>

#include "net/net.hpp"
#include "order/domain/payment.hpp"
#include "postgres/pool.hpp"

namespace order {

/// The sandbox payment provider's own book (schema `sandbox`): what it was asked to charge, void
/// and refund. Stands for a system outside of the shop; order's tables never join with it.
class SandboxLedger {
  public:
    explicit SandboxLedger(postgres::Pool& pool) : pool_(pool) {}

    struct Charge {
        PaymentAttempt attempt;
        bool approve = true;  ///< what the sandbox decides for this payment method
    };
    /// One row per attempt, the first call decides: a repeated charge returns the first verdict, a
    /// voided attempt is declined for ever.
    net::awaitable<std::vector<ChargeVerdict>> charge(
        const std::vector<Charge>& charges, net::Deadline deadline
    );
    /// Voids final and blocking: also an attempt never seen is entered as voided.
    net::awaitable<void> void_all(
        const std::vector<PaymentAttempt>& attempts, net::Deadline deadline
    );
    net::awaitable<void> refund_all(
        const std::vector<PaymentAttempt>& attempts, net::Deadline deadline
    );

  private:
    postgres::Pool& pool_;
};

}  // namespace order
