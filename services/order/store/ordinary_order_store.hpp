#pragma once

#include <optional>
#include <vector>

#include "net/net.hpp"
#include "order/domain/ordinary_order.hpp"
#include "order/domain/payment.hpp"
#include "postgres/pool.hpp"

namespace order {

/// Ordinary orders. Each method that changes something is one call of one function of
/// migrations/0004_ordinary_orders.sql (0008 with keys), which hold the rules: compare-and-set
/// under the order's row lock, with its event, in one transaction. All may be repeated. All throw
/// postgres::Error.
class OrdinaryOrderStore {
  public:
    explicit OrdinaryOrderStore(postgres::Pool& pool) : pool_(pool) {}

    struct NewOrder {
        base::Uuid id;
        base::Uuid customer_id;
        base::Uuid key;  ///< digest of the Idempotency-Key
        base::Uuid fingerprint;
        std::vector<WantedLine> lines;  ///< merged
    };
    struct PlaceLimits {
        std::int64_t open_orders_max = 0;
        std::int64_t placing_ms = 0;  ///< after it a worker gives up
        std::int64_t drive_ms = 0;    ///< until then it is left to its request
    };
    net::awaitable<Placement> place(NewOrder order, PlaceLimits limits, net::Deadline deadline);

    /// placing -> reserved with `hold`'s prices. False: this attempt has ended otherwise, and
    /// product is told to let go of units that are nobody's.
    net::awaitable<bool> reserved(
        base::Uuid order,
        std::int32_t attempt,
        const StockHold& hold,
        const std::string& currency,
        net::Deadline deadline
    );

    /// placing -> refused. Product is told later to let go if it may have set units aside
    /// (`release`), and if it was asked more than once. False: as above.
    net::awaitable<bool> refused(
        base::Uuid order,
        std::int32_t attempt,
        RefusedOrder refusal,
        bool release,
        net::Deadline deadline
    );

    struct PayStarted {
        OrdinaryPayStart outcome = OrdinaryPayStart::not_found;
        PaymentAttempt attempt;  ///< set when started
    };
    net::awaitable<PayStarted> begin_payment(
        base::Uuid order,
        base::Uuid customer,
        std::optional<RequestKey> key,
        std::int64_t paying_ms,
        net::Deadline deadline
    );
    net::awaitable<OrdinaryPayFinish> finish_payment(
        base::Uuid order,
        std::int32_t n,
        ChargeVerdict verdict,
        std::int64_t drive_ms,
        net::Deadline deadline
    );
    /// Product's answer to the settlement of an approved payment; the order's state after it.
    net::awaitable<OrderState> settled(base::Uuid order, bool accepted, net::Deadline deadline);

    net::awaitable<OrdinaryCancel> cancel(
        base::Uuid order, base::Uuid customer, std::optional<RequestKey> key, net::Deadline deadline
    );

    /// Ends up to `limit` orders of each kind that ran out; how many.
    net::awaitable<std::int64_t> sweep(int limit, net::Deadline deadline);
    /// Orders that product has to be asked about, claimed for `claim_ms`.
    net::awaitable<std::vector<base::Uuid>> claim(
        int limit, std::int64_t claim_ms, net::Deadline deadline
    );

    net::awaitable<std::optional<OrdinaryOrder>> find(base::Uuid order, net::Deadline deadline);
    /// A customer's orders, newest first, before `cursor`; those in `state`, if given.
    net::awaitable<std::vector<OrdinaryOrder>> list(
        base::Uuid customer,
        std::optional<base::Uuid> cursor,
        std::optional<OrderState> state,
        int limit,
        net::Deadline deadline
    );

  private:
    postgres::Pool& pool_;
};

}  // namespace order
