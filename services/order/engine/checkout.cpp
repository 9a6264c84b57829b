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
        case OrdinaryPayStart::declined:
            return Checkout::Payment::declined;
        case OrdinaryPayStart::key_reused:
            return Checkout::Payment::key_reused;
        case OrdinaryPayStart::busy:
            return Checkout::Payment::busy;
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

void warn(const char* event, const base::Uuid& order, const Call& call, const std::string& why) {
    logging::warning(
        event, {{"order", order.to_string()}, {"trace_id", call.trace.trace_id()}, {"why", why}}
    );
}

/// Why an order whose units product has set aside can't be sold all the same.
std::optional<OrderRefusal> find_obstacle(const StockHold& hold) {
    if (!common_currency(hold.lines)) return OrderRefusal::currencies_mixed;
    if (!total_of(hold.lines)) return OrderRefusal::total_too_large;
    return std::nullopt;
}

}  // namespace

net::Deadline Checkout::store_deadline() const {
    return net::deadline_in(milliseconds(limits_.store_timeout_ms));
}

net::Deadline Checkout::product_deadline() const {
    return net::deadline_in(milliseconds(limits_.product_timeout_ms));
}

net::awaitable<std::expected<Checkout::Placed, Checkout::Stopped>> Checkout::place(
    OrdinaryOrderStore::NewOrder order, Call call
) {
    if (placing_ >= limits_.in_flight_max) co_return std::unexpected(Stopped{Stop::busy, {}});
    const InFlight counted(placing_);
    Ask ask;
    ask.lines = order.lines;
    const OrdinaryOrderStore::PlaceLimits limits{
        limits_.basket.open_orders_max, limits_.placing_ms, limits_.drive_ms
    };
    const Placement placed = co_await parts_.orders.place(std::move(order), limits, call.deadline);
    if (placed.outcome == Placement::Outcome::key_reused) {
        co_return std::unexpected(Stopped{Stop::key_reused, {}});
    }
    if (placed.outcome == Placement::Outcome::too_many_open) {
        co_return std::unexpected(Stopped{Stop::too_many_open, {}});
    }
    bool made = false;
    if (placed.outcome == Placement::Outcome::placing) {
        ask.order = placed.order_id;
        ask.attempt = placed.attempt;
        ask.reservation = placed.reservation_id;
        try {
            made = co_await reserve(std::move(ask), call.no_longer_than(product_deadline()));
        } catch (const base::NeighbourError& error) {
            // It stays `placing`; a worker of some pod drives it on.
            warn("order still placing", placed.order_id, call, error.what());
            co_return std::unexpected(Stopped{Stop::unknown, {}});
        }
    }
    std::optional<OrdinaryOrder> found =
        co_await once_committed(parts_.orders.find(placed.order_id, call.deadline));
    DOORBUSTER_ASSERT(found.has_value());
    if (found->state == OrderState::placing) co_return std::unexpected(Stopped{Stop::unknown, {}});
    if (found->state == OrderState::refused) {
        const bool given_up = found->refusal->why == OrderRefusal::given_up;
        co_return std::unexpected(Stopped{given_up ? Stop::busy : Stop::refused, *found->refusal});
    }
    co_return Placed{std::move(*found), !made};
}

net::awaitable<bool> Checkout::reserve(Ask ask, Call call) {
    const auto answer = co_await parts_.product.reserve_order(
        ask.reservation, std::move(ask.lines), limits_.basket.hold_ms, call
    );
    if (!answer) {
        // Given up: product has a reservation of this id, closed or of other terms (asked for with
        // a hold of another length), which may have units. Settling it with 0 is harmless.
        const bool release = answer.error().why == OrderRefusal::given_up;
        co_return co_await parts_.orders.refused(
            ask.order, ask.attempt, answer.error(), release, store_deadline()
        );
    }
    if (const auto obstacle = find_obstacle(*answer)) {
        const RefusedOrder refusal{*obstacle, {}, {}};
        co_return co_await parts_.orders.refused(
            ask.order, ask.attempt, refusal, true, store_deadline()
        );
    }
    const std::string& currency = answer->lines.front().currency;
    co_return co_await parts_.orders.reserved(
        ask.order, ask.attempt, *answer, currency, store_deadline()
    );
}

net::awaitable<Checkout::Payment> Checkout::pay(PayRequest request, Call call) {
    if (paying_ >= limits_.in_flight_max) co_return Payment::busy;
    const InFlight counted(paying_);
    const auto started = co_await parts_.orders.begin_payment(
        request.order_id, request.customer_id, request.key, limits_.paying_ms, call.deadline
    );
    if (started.outcome != OrdinaryPayStart::started) co_return outcome_of(started.outcome);
    co_return co_await charge(started.attempt, std::move(request), call);
}

net::awaitable<Checkout::Payment> Checkout::charge(
    PaymentAttempt attempt, PayRequest request, Call call
) {
    const base::Uuid order = attempt.order_id;
    const std::int32_t n = attempt.n;
    std::optional<ChargeVerdict> verdict;
    bool was_asked = true;
    try {
        verdict =
            co_await parts_.provider.charge(std::move(attempt), std::move(request.method), call);
    } catch (const base::NeighbourError& error) {
        was_asked = error.effect() != base::NeighbourError::Effect::none;
        warn(
            was_asked ? "payment undecided" : "payment provider not reached",
            order,
            call,
            error.what()
        );
    }
    // As in Payments::pay: never asked is as definite as declined.
    if (!was_asked) verdict = ChargeVerdict::declined;
    if (!verdict) co_return Payment::undecided;
    std::optional<OrdinaryPayFinish> finish;
    try {
        if (!was_asked && request.key) {
            co_await parts_.payments.unbind(request.customer_id, *request.key, n, store_deadline());
        }
        finish = co_await parts_.orders.finish_payment(
            order, n, *verdict, limits_.drive_ms, store_deadline()
        );
    } catch (const base::NeighbourError& error) {
        // The attempt is on record, perhaps charged: the verdict is asked for.
        warn("verdict not recorded", order, call, error.what());
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
        co_return co_await settle(order, call.no_longer_than(product_deadline()));
    } catch (const base::NeighbourError& error) {
        // The approval is on record; a worker settles it.
        warn("settlement undecided", order, call, error.what());
    }
    co_return Payment::undecided;
}

net::awaitable<Checkout::Payment> Checkout::settle(base::Uuid order, Call call) {
    const auto found = co_await parts_.orders.find(order, store_deadline());
    if (!found) co_return Payment::not_found;
    const auto settled =
        co_await parts_.product.settle_order(found->reservation_id, units_of(*found), call);
    if (!settled) warn("product refused a settlement", order, call, settled.error().why);
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
    base::Uuid order, base::Uuid customer, std::optional<RequestKey> key, Call call
) {
    const OrdinaryCancel outcome =
        co_await parts_.orders.cancel(order, customer, key, call.deadline);
    if (outcome != OrdinaryCancel::cancelled) co_return outcome;
    try {
        co_await release(order, call.no_longer_than(product_deadline()));
    } catch (const base::NeighbourError& error) {
        // Cancelled it is; a worker tells product.
        warn("units not freed yet", order, call, error.what());
    }
    co_return outcome;
}

net::awaitable<void> Checkout::release(base::Uuid order, Call call) {
    const auto found = co_await parts_.orders.find(order, store_deadline());
    DOORBUSTER_ASSERT(found.has_value());
    std::vector<WantedLine> nothing = units_of(*found);
    for (WantedLine& line : nothing) line.quantity = 0;
    const auto released =
        co_await parts_.product.settle_order(found->reservation_id, std::move(nothing), call);
    if (released) co_await parts_.work.finish_release(found->reservation_id, store_deadline());
}

net::awaitable<std::optional<PayFinish>> Checkout::deliver(
    base::Uuid order,
    std::int32_t n,
    ChargeVerdict verdict,
    bool settle_now,
    http::TraceContext trace
) {
    const std::int64_t drive_ms = settle_now ? limits_.drive_ms : 0;
    const OrdinaryPayFinish finish =
        co_await parts_.orders.finish_payment(order, n, verdict, drive_ms, store_deadline());
    if (finish == OrdinaryPayFinish::not_ordinary) co_return std::nullopt;
    if (finish == OrdinaryPayFinish::approved && settle_now) {
        const Call call(product_deadline(), trace);
        try {
            const Payment settled = co_await settle(order, call);
            if (settled == Payment::expired) co_return PayFinish::refund_due;
        } catch (const base::NeighbourError& error) {
            warn("settlement undecided", order, call, error.what());
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
        Ask ask{order, found->attempt, found->reservation_id, units_of(*found)};
        co_await reserve(std::move(ask), product_deadline());
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
