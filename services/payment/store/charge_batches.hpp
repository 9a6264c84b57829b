#pragma once

#include "net/batcher.hpp"
#include "payment/store/charge_ledger.hpp"

namespace payment {

struct ChargeLimits {
    std::size_t queue_max = 8192;
    std::size_t batch_max = 256;
    std::int64_t timeout_ms = 1500;
};

/// Enters the charges of this pod together: whatever queued up while one statement was under way
/// is the next statement, so that thousands a second share their commits. Lives on the loop; must
/// outlive its callers.
class ChargeBatches {
  public:
    ChargeBatches(net::Executor executor, ChargeLedger& ledger, ChargeLimits limits);

    /// Callers check first and answer "busy" otherwise.
    bool has_room() const { return batches_.has_room(); }

    net::awaitable<ChargeLedger::Entered> charge(ChargeLedger::NewCharge charge);

  private:
    net::awaitable<std::vector<ChargeLedger::Entered>> enter(
        std::vector<ChargeLedger::NewCharge> charges
    );

    ChargeLedger& ledger_;
    ChargeLimits limits_;
    net::Batcher<ChargeLedger::NewCharge, ChargeLedger::Entered> batches_;
};

}  // namespace payment
