#pragma once

#include <optional>
#include <vector>

#include "net/net.hpp"
#include "order/domain/payment.hpp"
#include "postgres/pool.hpp"

namespace order {

/// Payment attempts and the order states that go with them: one statement per tick for all that
/// queued up, compare-and-set per row.
class PaymentStore {
  public:
    explicit PaymentStore(postgres::Pool& pool) : pool_(pool) {}

    struct BeginRequest {
        base::Uuid order_id;
        base::Uuid customer_id;
        std::optional<RequestKey> key = {};
    };
    /// reserved -> paying, while the hold is unexpired; commits the attempt's row, and the key with
    /// it. A key that has an attempt is answered with what became of that.
    net::awaitable<std::vector<PayStartResult>> begin(
        const std::vector<BeginRequest>& requests, std::int64_t paying_ms, net::Deadline deadline
    );

    /// The provider was never asked about the key's attempt `n`: the key is free again.
    net::awaitable<void> unbind(
        base::Uuid customer, RequestKey key, std::int32_t n, net::Deadline deadline
    );

    struct FinishRequest {
        base::Uuid order_id;
        std::int32_t n = 0;
        ChargeVerdict verdict = ChargeVerdict::declined;
    };
    /// A verdict may come again and in any order; each answer says what the attempt came to.
    net::awaitable<std::vector<PayFinish>> finish(
        const std::vector<FinishRequest>& requests, net::Deadline deadline
    );

    /// An attempt of an order of either kind, whatever became of it.
    net::awaitable<std::optional<PaymentAttempt>> find(
        const base::Uuid& order, std::int32_t n, net::Deadline deadline
    );

    /// Attempts past their time: the order falls back to reserved, due at once; the attempt becomes
    /// void_due. Returns how many.
    net::awaitable<std::int64_t> lapse(int limit, net::Deadline deadline);

    /// Open attempts that are older than `age_ms` and were not claimed for as long.
    net::awaitable<std::vector<PaymentAttempt>> claim_open(
        int limit, std::int64_t age_ms, net::Deadline deadline
    );

    /// A paid order of a sale becomes refunded: its money is due back, its units due at product.
    net::awaitable<RefundOutcome> refund(
        const base::Uuid& order, const base::Uuid& customer, net::Deadline deadline
    );

    /// What comes before the sale's row gives an order's units back. The key decides at its first
    /// request what it can come to.
    net::awaitable<SaleCancel> cancel(
        base::Uuid order, base::Uuid customer, RequestKey key, net::Deadline deadline
    );

    /// The same after the row said no: begins nothing, also if the key is free meanwhile (`busy`).
    net::awaitable<SaleCancel> look_again(
        base::Uuid order, base::Uuid customer, RequestKey key, net::Deadline deadline
    );

    /// The cancel certainly never came to the row: its key is free, unless it was refused.
    net::awaitable<void> unbind_cancel(base::Uuid customer, RequestKey key, net::Deadline deadline);

    /// Attempts whose money must be voided or given back, claimed for `claim_ms`, and for twice as
    /// long each time again, up to 64 times. Those that were claimed least often come first.
    struct Due {
        PaymentAttempt attempt;
        bool refund = false;  ///< else void
    };
    net::awaitable<std::vector<Due>> claim_due(
        int limit, std::int64_t claim_ms, net::Deadline deadline
    );
    /// The provider confirmed the void or refund.
    net::awaitable<void> confirm_due(const std::vector<Due>& done, net::Deadline deadline);

  private:
    postgres::Pool& pool_;
};

}  // namespace order
