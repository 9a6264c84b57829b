#include "order/clients/sandbox_provider.hpp"

#include <utility>

#include "base/neighbour_error.hpp"

namespace order {

SandboxProvider::SandboxProvider(net::Executor executor, SandboxLedger& ledger, Limits limits)
    : ledger_(ledger),
      limits_(limits),
      charges_(
          std::move(executor),
          limits.queue_max,
          limits.batch_max,
          [this](std::vector<SandboxLedger::Charge> charges) {
              return charge_all(std::move(charges));
          }
      ) {}

bool SandboxProvider::accepts(std::string_view method) const {
    return method == "sandbox:approve" || method == "sandbox:decline";
}

net::awaitable<ChargeVerdict> SandboxProvider::charge(
    PaymentAttempt attempt, std::string method, net::Deadline
) {
    if (!charges_.has_room()) {
        throw base::NeighbourError(
            "payment sandbox", "too many charges are waiting", base::NeighbourError::Effect::none
        );
    }
    SandboxLedger::Charge charge{std::move(attempt), method == "sandbox:approve"};
    co_return co_await charges_.submit(std::move(charge));
}

net::awaitable<std::vector<ChargeVerdict>> SandboxProvider::charge_all(
    std::vector<SandboxLedger::Charge> charges
) {
    const auto deadline = net::deadline_in(std::chrono::milliseconds(limits_.timeout_ms));
    co_return co_await ledger_.charge(charges, deadline);
}

net::awaitable<void> SandboxProvider::void_charge(PaymentAttempt attempt, net::Deadline deadline) {
    std::vector<PaymentAttempt> attempts{std::move(attempt)};
    co_await ledger_.void_all(attempts, deadline);
}

net::awaitable<void> SandboxProvider::refund(PaymentAttempt attempt, net::Deadline deadline) {
    std::vector<PaymentAttempt> attempts{std::move(attempt)};
    co_await ledger_.refund_all(attempts, deadline);
}

}  // namespace order
