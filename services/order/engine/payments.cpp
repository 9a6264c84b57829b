#include "order/engine/payments.hpp"

#include <optional>
#include <utility>

#include "logging/logging.hpp"

namespace order {
namespace {

Payments::Outcome outcome_of(PayStart start) {
    switch (start) {
        case PayStart::already_paid:
            return Payments::Outcome::paid;
        case PayStart::started:
        case PayStart::already_paying:
            return Payments::Outcome::undecided;
        case PayStart::expired:
            return Payments::Outcome::expired;
        case PayStart::cancelled:
            return Payments::Outcome::cancelled;
        case PayStart::refunded:
            return Payments::Outcome::refunded;
        case PayStart::not_found:
            return Payments::Outcome::not_found;
    }
    return Payments::Outcome::not_found;
}

}  // namespace

Payments::Payments(
    net::Executor executor, PaymentStore& store, PaymentProvider& provider, PaymentLimits limits
)
    : store_(store),
      provider_(provider),
      limits_(limits),
      begins_(
          executor,
          limits.queue_max,
          limits.batch_max,
          [this](std::vector<PaymentStore::BeginRequest> requests) {
              return begin(std::move(requests));
          }
      ),
      finishes_(
          executor,
          limits.queue_max,
          limits.batch_max,
          [this](std::vector<PaymentStore::FinishRequest> requests) {
              return finish(std::move(requests));
          }
      ) {}

net::Deadline Payments::store_deadline() const {
    return net::deadline_in(std::chrono::milliseconds(limits_.store_timeout_ms));
}

net::awaitable<std::vector<PayStartResult>> Payments::begin(
    std::vector<PaymentStore::BeginRequest> requests
) {
    co_return co_await store_.begin(requests, limits_.paying_ms, store_deadline());
}

net::awaitable<std::vector<PayFinish>> Payments::finish(
    std::vector<PaymentStore::FinishRequest> requests
) {
    co_return co_await store_.finish(requests, store_deadline());
}

net::awaitable<Payments::Outcome> Payments::pay(
    base::Uuid order, base::Uuid customer, std::string method, net::Deadline deadline
) {
    if (!begins_.has_room() || !finishes_.has_room()) co_return Outcome::busy;
    PaymentStore::BeginRequest request{order, customer};
    const PayStartResult start = co_await begins_.submit(request);
    if (start.outcome != PayStart::started) co_return outcome_of(start.outcome);
    std::optional<ChargeVerdict> verdict;
    try {
        verdict = co_await provider_.charge(start.attempt, std::move(method), deadline);
    } catch (const base::NeighbourError& error) {
        logging::warning(
            "payment undecided", {{"order", order.to_string()}, {"why", error.what()}}
        );
    }
    if (!verdict) co_return Outcome::undecided;
    PaymentStore::FinishRequest finished{order, start.attempt.n, *verdict};
    const PayFinish finish = co_await finishes_.submit(finished);
    switch (finish) {
        case PayFinish::paid:
            co_return Outcome::paid;
        case PayFinish::declined:
            co_return Outcome::declined;
        case PayFinish::refund_due:
        case PayFinish::unknown_attempt:
            co_return Outcome::expired;
    }
    co_return Outcome::undecided;
}

net::awaitable<void> Payments::chase() {
    const int batch = static_cast<int>(limits_.chase_batch_max);
    std::int64_t lapsed = batch;
    while (lapsed == batch) lapsed = co_await store_.lapse(batch, store_deadline());
    const auto due = co_await store_.claim_due(batch, limits_.chase_claim_ms, store_deadline());
    std::vector<PaymentStore::Due> done;
    for (const PaymentStore::Due& item : due) {
        try {
            if (item.refund) {
                co_await provider_.refund(item.attempt, store_deadline());
            } else {
                co_await provider_.void_charge(item.attempt, store_deadline());
            }
            done.push_back(item);
        } catch (const base::NeighbourError& error) {
            logging::warning(
                "provider did not confirm",
                {{"order", item.attempt.order_id.to_string()}, {"why", error.what()}}
            );
        }
    }
    if (!done.empty()) co_await store_.confirm_due(done, store_deadline());
}

}  // namespace order
