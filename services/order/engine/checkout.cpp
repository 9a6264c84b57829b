#include "order/engine/checkout.hpp"

#include <algorithm>
#include <utility>

#include "base/assertion.hpp"
#include "logging/logging.hpp"
#include "order/engine/once_committed.hpp"

namespace order {
namespace {

using std::chrono::milliseconds;

/// Counts one request in for as long as it lives.
class InFlight {
  public:
    explicit InFlight(std::int64_t& count) : count_(count) { ++count_; }
    ~InFlight() { --count_; }
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;

  private:
    std::int64_t& count_;
};

Checkout::Payment outcome_of(OrdinaryPayStart start) {
    switch (start) {
        case OrdinaryPayStart::already_paid:
            return Checkout::Payment::paid;
        case OrdinaryPayStart::started:
        case OrdinaryPayStart::already_paying:
            return Checkout::Payment::undecided;
        case OrdinaryPayStart::expired:
            return Checkout::Payment::expired;
        case OrdinaryPayStart::cancelled:
            return Checkout::Payment::cancelled;
        case OrdinaryPayStart::refunded:
            return Checkout::Payment::refunded;
        case OrdinaryPayStart::placing:
            return Checkout::Payment::placing;
        case OrdinaryPayStart::refused:
            return Checkout::Payment::refused;
        case OrdinaryPayStart::not_found:
            return Checkout::Payment::not_found;
    }
    return Checkout::Payment::not_found;
}

PayFinish finish_of(OrdinaryPayFinish finish) {
    switch (finish) {
        case OrdinaryPayFinish::approved:
        case OrdinaryPayFinish::paid:
            return PayFinish::paid;
        case OrdinaryPayFinish::declined:
            return PayFinish::declined;
        case OrdinaryPayFinish::refund_due:
            return PayFinish::refund_due;
        case OrdinaryPayFinish::unknown_attempt:
        case OrdinaryPayFinish::not_ordinary:
            return PayFinish::unknown_attempt;
    }
    return PayFinish::unknown_attempt;
}

std::vector<WantedLine> units_of(const OrdinaryOrder& order) {
    std::vector<WantedLine> lines;
    for (const OrdinaryOrder::Line& line : order.lines) {
        lines.push_back({line.product_id, line.quantity});
    }
    return lines;
}

void warn(const char* event, const base::Uuid& order, const std::string& why) {
    logging::warning(event, {{"order", order.to_string()}, {"why", why}});
}

}  // namespace

net::Deadline Checkout::store_deadline() const {
    return net::deadline_in(milliseconds(limits_.store_timeout_ms));
}

net::Deadline Checkout::product_deadline() const {
    return net::deadline_in(milliseconds(limits_.product_timeout_ms));
}

net::awaitable<std::expected<Checkout::Placed, Checkout::Stopped>> Checkout::place(
    OrdinaryOrderStore::NewOrder order, net::Deadline deadline
) {
    if (placing_ >= limits_.in_flight_max) co_return std::unexpected(Stopped{Stop::busy, {}});
    const InFlight counted(placing_);
    const std::vector<WantedLine> lines = order.lines;
    const OrdinaryOrderStore::PlaceLimits limits{
        limits_.basket.open_orders_max, limits_.placing_ms, limits_.drive_ms
    };
    const Placement placed = co_await parts_.orders.place(std::move(order), limits, deadline);
    if (placed.outcome == Placement::Outcome::key_reused) {
        co_return std::unexpected(Stopped{Stop::key_reused, {}});
    }
    if (placed.outcome == Placement::Outcome::too_many_open) {
        co_return std::unexpected(Stopped{Stop::too_many_open, {}});
    }
    bool made = false;
    if (placed.outcome == Placement::Outcome::placing) {
        try {
            made = co_await reserve(
                placed.order_id,
                placed.attempt,
                placed.reservation_id,
                lines,
                std::min(deadline, product_deadline())
            );
        } catch (const base::NeighbourError& error) {
            // It stays `placing`; a worker of some pod drives it on.
            warn("order still placing", placed.order_id, error.what());
            co_return std::unexpected(Stopped{Stop::unknown, {}});
        }
    }
    std::optional<OrdinaryOrder> found =
        co_await once_committed(parts_.orders.find(placed.order_id, deadline));
    DOORBUSTER_ASSERT(found.has_value());
    if (found->state == OrderState::placing) co_return std::unexpected(Stopped{Stop::unknown, {}});
    if (found->state == OrderState::refused) {
        const bool given_up = found->refusal->why == OrderRefusal::given_up;
        co_return std::unexpected(Stopped{given_up ? Stop::busy : Stop::refused, *found->refusal});
    }
    co_return Placed{std::move(*found), !made};
}

net::awaitable<bool> Checkout::reserve(
    base::Uuid order,
    std::int32_t attempt,
    base::Uuid reservation,
    std::vector<WantedLine> lines,
    net::Deadline deadline
) {
    const auto answer = co_await parts_.product.reserve_order(
        reservation, std::move(lines), limits_.basket.hold_ms, deadline
    );
    if (!answer) {
        co_return co_await parts_.orders.refused(
            order, attempt, answer.error(), false, store_deadline()
        );
    }
    const auto currency = common_currency(answer->lines);
    if (currency) {
        co_return co_await parts_.orders.reserved(
            order, attempt, *answer, *currency, store_deadline()
        );
    }
    const RefusedOrder mixed{OrderRefusal::currencies_mixed, {}, {}};
    const bool refused =
        co_await parts_.orders.refused(order, attempt, mixed, true, store_deadline());
    co_return refused;
}

net::awaitable<Checkout::Payment> Checkout::pay(
    base::Uuid order, base::Uuid customer, std::string method, net::Deadline deadline
) {
    if (paying_ >= limits_.in_flight_max) co_return Payment::busy;
    const InFlight counted(paying_);
    const auto started =
        co_await parts_.orders.begin_payment(order, customer, limits_.paying_ms, deadline);
    if (started.outcome != OrdinaryPayStart::started) co_return outcome_of(started.outcome);
    co_return co_await charge(started.attempt, std::move(method), deadline);
}

net::awaitable<Checkout::Payment> Checkout::charge(
    PaymentAttempt attempt, std::string method, net::Deadline deadline
) {
    const base::Uuid order = attempt.order_id;
    const std::int32_t n = attempt.n;
    std::optional<ChargeVerdict> verdict;
    bool was_asked = true;
    try {
        verdict = co_await parts_.provider.charge(attempt, std::move(method), deadline);
    } catch (const base::NeighbourError& error) {
        was_asked = error.effect() != base::NeighbourError::Effect::none;
        warn(was_asked ? "payment undecided" : "payment provider not reached", order, error.what());
    }
    // As in Payments::pay: never asked is as definite as declined.
    if (!was_asked) verdict = ChargeVerdict::declined;
    if (!verdict) co_return Payment::undecided;
    std::optional<OrdinaryPayFinish> finish;
    try {
        finish = co_await parts_.orders.finish_payment(
            order, n, *verdict, limits_.drive_ms, store_deadline()
        );
    } catch (const base::NeighbourError& error) {
        // The attempt is on record, perhaps charged: the verdict is asked for.
        warn("verdict not recorded", order, error.what());
    }
    if (!finish) co_return Payment::undecided;
    switch (*finish) {
        case OrdinaryPayFinish::approved:
            break;
        case OrdinaryPayFinish::paid:
            co_return Payment::paid;
        case OrdinaryPayFinish::declined:
            co_return was_asked ? Payment::declined : Payment::unavailable;
        default:
            co_return Payment::expired;
    }
    try {
        co_return co_await settle(order, std::min(deadline, product_deadline()));
    } catch (const base::NeighbourError& error) {
        // The approval is on record; a worker settles it.
        warn("settlement undecided", order, error.what());
    }
    co_return Payment::undecided;
}

net::awaitable<Checkout::Payment> Checkout::settle(base::Uuid order, net::Deadline deadline) {
    const auto found = co_await parts_.orders.find(order, store_deadline());
    if (!found) co_return Payment::not_found;
    const auto settled =
        co_await parts_.product.settle_order(found->reservation_id, units_of(*found), deadline);
    if (!settled) warn("product refused a settlement", order, settled.error().why);
    const OrderState state =
        co_await parts_.orders.settled(order, settled.has_value(), store_deadline());
    switch (state) {
        case OrderState::paid:
            co_return Payment::paid;
        case OrderState::refunded:
            co_return Payment::refunded;
        default:
            co_return Payment::expired;
    }
}

net::awaitable<OrdinaryCancel> Checkout::cancel(
    base::Uuid order, base::Uuid customer, net::Deadline deadline
) {
    const OrdinaryCancel outcome = co_await parts_.orders.cancel(order, customer, deadline);
    if (outcome != OrdinaryCancel::cancelled) co_return outcome;
    try {
        co_await release(order, std::min(deadline, product_deadline()));
    } catch (const base::NeighbourError& error) {
        // Cancelled it is; a worker tells product.
        warn("units not freed yet", order, error.what());
    }
    co_return outcome;
}

net::awaitable<void> Checkout::release(base::Uuid order, net::Deadline deadline) {
    const auto found = co_await parts_.orders.find(order, store_deadline());
    DOORBUSTER_ASSERT(found.has_value());
    std::vector<WantedLine> nothing = units_of(*found);
    for (WantedLine& line : nothing) line.quantity = 0;
    const auto released =
        co_await parts_.product.settle_order(found->reservation_id, std::move(nothing), deadline);
    if (released) co_await parts_.work.finish_release(found->reservation_id, store_deadline());
}

net::awaitable<std::optional<PayFinish>> Checkout::deliver(
    base::Uuid order, std::int32_t n, ChargeVerdict verdict, bool settle_now
) {
    const std::int64_t drive_ms = settle_now ? limits_.drive_ms : 0;
    const OrdinaryPayFinish finish =
        co_await parts_.orders.finish_payment(order, n, verdict, drive_ms, store_deadline());
    if (finish == OrdinaryPayFinish::not_ordinary) co_return std::nullopt;
    if (finish == OrdinaryPayFinish::approved && settle_now) {
        try {
            const Payment settled = co_await settle(order, product_deadline());
            if (settled == Payment::expired) co_return PayFinish::refund_due;
        } catch (const base::NeighbourError& error) {
            warn("settlement undecided", order, error.what());
        }
    }
    co_return finish_of(finish);
}

net::awaitable<void> Checkout::sweep() {
    std::int64_t ended = limits_.sweep_max;
    while (ended >= limits_.sweep_max) {
        ended = co_await parts_.orders.sweep(limits_.sweep_max, store_deadline());
    }
}

net::awaitable<void> Checkout::drive() {
    const auto orders =
        co_await parts_.orders.claim(limits_.claim_max, limits_.claim_ms, store_deadline());
    for (const base::Uuid& order : orders) co_await attempt("order", drive_one(order));
}

net::awaitable<void> Checkout::drive_one(base::Uuid order) {
    const auto found = co_await parts_.orders.find(order, store_deadline());
    if (!found) co_return;
    if (found->state == OrderState::placing) {
        const base::Uuid reservation = found->reservation_id;
        co_await reserve(order, found->attempt, reservation, units_of(*found), product_deadline());
    } else if (found->state == OrderState::paying) {
        co_await settle(order, product_deadline());
    }
}

net::awaitable<void> Checkout::deliver_units() {
    const auto items =
        co_await parts_.work.claim_units(limits_.claim_max, limits_.claim_ms, store_deadline());
    for (const WorkStore::UnitsItem& item : items) co_await attempt("units", deliver_one(item));
}

net::awaitable<void> Checkout::deliver_one(WorkStore::UnitsItem item) {
    const net::Deadline deadline = product_deadline();
    std::expected<void, ProductClient::Refusal> told;
    if (item.returns) {
        told = co_await parts_.product.return_units(item.subject_id, item.lines, deadline);
    } else {
        told = co_await parts_.product.settle_order(item.subject_id, item.lines, deadline);
    }
    if (told) {
        co_await parts_.work.finish(item.id, store_deadline());
    } else {
        // Stays undone and is told by the audit: product's book says otherwise.
        logging::error(
            "product refused units",
            {{"subject", item.subject_id.to_string()}, {"why", told.error().why}}
        );
    }
}

net::awaitable<void> Checkout::attempt(std::string_view what, net::awaitable<void> step) {
    try {
        co_await std::move(step);
    } catch (const base::NeighbourError& error) {
        logging::warning("checkout waits", {{"step", what}, {"why", error.what()}});
    }
}

}  // namespace order
