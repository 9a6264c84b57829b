#pragma once

#include <expected>
#include <optional>
#include <string>

#include "net/net.hpp"
#include "order/clients/payment_provider.hpp"
#include "order/clients/product_client.hpp"
#include "order/store/ordinary_order_store.hpp"
#include "order/store/payment_store.hpp"
#include "order/store/work_store.hpp"

namespace order {

struct CheckoutLimits {
    BasketLimits basket;
    std::int64_t in_flight_max = 64;   ///< orders placed at once, and as many paid at once
    std::int64_t placing_ms = 30'000;  ///< after it an order that product didn't answer is refused
    std::int64_t paying_ms = 5000;     ///< how long an attempt may stay undecided
    std::int64_t drive_ms = 2000;      ///< until then what a request began is left to it
    std::int64_t claim_ms = 10'000;    ///< how long a worker has what it claimed
    std::int64_t store_timeout_ms = 1500;
    std::int64_t product_timeout_ms = 1500;
    int sweep_max = 200;
    int claim_max = 50;
};

/// Ordinary orders: several products at product's prices. Product holds the units and is the only
/// one to say whether they can still be sold; this commits each step before product or the payment
/// provider is asked about it, so that what a crash leaves is a row that some pod's worker drives
/// on. Lives on the loop; throws base::NeighbourError where PostgreSQL doesn't answer.
class Checkout {
  public:
    struct Parts {
        OrdinaryOrderStore& orders;
        PaymentStore& payments;
        WorkStore& work;
        ProductClient& product;
        PaymentProvider& provider;
    };

    Checkout(Parts parts, CheckoutLimits limits) : parts_(parts), limits_(limits) {}

    const BasketLimits& basket_limits() const { return limits_.basket; }

    enum class Stop {
        busy,     ///< too many at once here, or product couldn't be asked in time
        unknown,  ///< ask again with the same key
        key_reused,
        too_many_open,  ///< the customer has unpaid orders enough
        refused         ///< by product, or by the order's own rules
    };
    struct Stopped {
        Stop why = Stop::unknown;
        RefusedOrder refusal;  ///< of refused
    };
    struct Placed {
        OrdinaryOrder order;
        bool repeated = false;  ///< the key's order was there before
    };
    net::awaitable<std::expected<Placed, Stopped>> place(
        OrdinaryOrderStore::NewOrder order, Call call
    );

    enum class Payment {
        paid,
        undecided,  ///< an attempt is under way: ask again
        declined,
        expired,
        cancelled,
        refunded,
        placing,
        refused,
        not_found,
        busy,
        key_reused,
        unavailable  ///< the provider was not reached: nothing was charged, the units stay held
    };
    /// With a key: Payments::pay.
    net::awaitable<Payment> pay(PayRequest request, Call call);

    /// Commits the cancellation, and tries to free the units before it returns. With a key its
    /// first definite answer, a refusal too, is the key's for good.
    net::awaitable<OrdinaryCancel> cancel(
        base::Uuid order, base::Uuid customer, std::optional<RequestKey> key, Call call
    );

    /// A verdict that came by itself, as by a webhook; may come twice or late. `settle_now`: asks
    /// product before it returns, else leaves that to drive(). nullopt: this is not an ordinary
    /// order.
    net::awaitable<std::optional<PayFinish>> deliver(
        base::Uuid order,
        std::int32_t n,
        ChargeVerdict verdict,
        bool settle_now,
        http::TraceContext trace
    );

    /// One worker's step each, safe on several pods at once. `sweep` needs PostgreSQL alone and
    /// ends what ran out; `drive` finishes what product has to be asked about; `deliver_units`
    /// tells product of units that were let go or given back.
    net::awaitable<void> sweep();
    net::awaitable<void> drive();
    net::awaitable<void> deliver_units();

  private:
    /// One attempt to have product set aside the units of a placing order.
    struct Ask {
        base::Uuid order;
        std::int32_t attempt = 0;
        base::Uuid reservation;
        std::vector<WantedLine> lines;
    };
    /// Asks product and records the answer. False: this attempt was over already.
    net::awaitable<bool> reserve(Ask ask, Call call);
    net::awaitable<Payment> settle(base::Uuid order, Call call);
    net::awaitable<Payment> charge(PaymentAttempt attempt, PayRequest request, Call call);
    net::awaitable<void> drive_one(base::Uuid order);
    net::awaitable<void> deliver_one(WorkStore::UnitsItem item);
    net::awaitable<void> attempt(std::string_view what, net::awaitable<void> step);
    net::awaitable<void> release(base::Uuid order, Call call);
    net::Deadline store_deadline() const;
    net::Deadline product_deadline() const;

    Parts parts_;
    CheckoutLimits limits_;
    // Apart, so that those who hold units can pay while many others try to get some.
    std::int64_t placing_ = 0;
    std::int64_t paying_ = 0;
};

}  // namespace order
