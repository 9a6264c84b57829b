#include "payment/store/charge_batches.hpp"

#include <utility>

namespace payment {

ChargeBatches::ChargeBatches(net::Executor executor, ChargeLedger& ledger, ChargeLimits limits)
    : ledger_(ledger),
      limits_(limits),
      batches_(
          std::move(executor),
          limits.queue_max,
          limits.batch_max,
          [this](std::vector<ChargeLedger::NewCharge> charges) { return enter(std::move(charges)); }
      ) {}

net::awaitable<ChargeLedger::Entered> ChargeBatches::charge(ChargeLedger::NewCharge charge) {
    co_return co_await batches_.submit(std::move(charge));
}

net::awaitable<std::vector<ChargeLedger::Entered>> ChargeBatches::enter(
    std::vector<ChargeLedger::NewCharge> charges
) {
    const auto deadline = net::deadline_in(std::chrono::milliseconds(limits_.timeout_ms));
    co_return co_await ledger_.charge(charges, deadline);
}

}  // namespace payment
