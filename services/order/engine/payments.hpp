#pragma once

#include <string>

#include "net/batcher.hpp"
#include "order/clients/payment_provider.hpp"
#include "order/store/payment_store.hpp"

namespace order {

struct PaymentLimits {
    std::size_t queue_max = 8192;
    std::size_t batch_max = 256;
    std::int64_t paying_ms = 5000;  ///< how long an attempt may stay undecided before it is voided
    std::int64_t store_timeout_ms = 1500;
    std::int64_t chase_batch_max = 200;
    std::int64_t chase_claim_ms = 10000;
};

/// Pays orders: commits an attempt, asks the provider with no transaction open, commits the
/// verdict. A crash in between leaves an open attempt, which lapses, is voided with the provider,
/// and gives the order back to its hold.
class Payments {
  public:
    enum class Outcome {
        paid,
        undecided,  ///< an attempt is under way: ask again
        declined,
        expired,
        cancelled,
        refunded,
        not_found,
        busy
    };

    Payments(
        net::Executor executor, PaymentStore& store, PaymentProvider& provider, PaymentLimits limits
    );

    bool accepts(std::string_view method) const { return provider_.accepts(method); }

    net::awaitable<Outcome> pay(
        base::Uuid order, base::Uuid customer, std::string method, net::Deadline deadline
    );

    /// Moves on what was left behind: lapsed attempts, voids and refunds that are due.
    net::awaitable<void> chase();

  private:
    net::awaitable<std::vector<PayStartResult>> begin(
        std::vector<PaymentStore::BeginRequest> requests
    );
    net::awaitable<std::vector<PayFinish>> finish(std::vector<PaymentStore::FinishRequest> requests
    );
    net::Deadline store_deadline() const;

    PaymentStore& store_;
    PaymentProvider& provider_;
    PaymentLimits limits_;
    net::Batcher<PaymentStore::BeginRequest, PayStartResult> begins_;
    net::Batcher<PaymentStore::FinishRequest, PayFinish> finishes_;
};

}  // namespace order
