#include "order/engine/payments.hpp"

#include <optional>
#include <utility>

#include "logging/logging.hpp"

namespace order {
namespace {

// One attempt that the provider never answers mustn't keep it from the others'; a provider that is
// away mustn't cost a timeout for each of them.
constexpr int failures_in_a_row_max = 3;

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
        case PayStart::declined:
            return Payments::Outcome::declined;
        case PayStart::key_reused:
            return Payments::Outcome::key_reused;
        case PayStart::busy:
            return Payments::Outcome::busy;
    }
    return Payments::Outcome::not_found;
}

}  // namespace

Payments::Payments(
    net::Executor executor,
    PaymentStore& store,
    PaymentProvider& provider,
    Elsewhere elsewhere,
    PaymentLimits limits
)
    : store_(store),
      provider_(provider),
      elsewhere_(std::move(elsewhere)),
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

net::awaitable<std::optional<PaymentAttempt>> Payments::find(base::Uuid order, std::int32_t n) {
    co_return co_await store_.find(order, n, store_deadline());
}

net::awaitable<PayFinish> Payments::deliver(
    base::Uuid order,
    std::int32_t n,
    ChargeVerdict verdict,
    bool settle_now,
    http::TraceContext trace
) {
    PaymentStore::FinishRequest request{order, n, verdict};
    const PayFinish finish = co_await finishes_.submit(request);
    if (finish != PayFinish::unknown_attempt) co_return finish;
    const auto taken = co_await elsewhere_(order, n, verdict, settle_now, trace);
    co_return taken.value_or(PayFinish::unknown_attempt);
}

net::awaitable<Payments::Outcome> Payments::pay(PayRequest request, Call call) {
    if (!has_room()) co_return Outcome::busy;
    PaymentStore::BeginRequest begun{request.order_id, request.customer_id, request.key};
    const PayStartResult start = co_await begins_.submit(begun);
    if (start.outcome != PayStart::started) co_return outcome_of(start.outcome);
    const Asked asked = co_await charge(start.attempt, std::move(request.method), call);
    if (!asked.verdict) co_return Outcome::undecided;
    std::optional<PayFinish> finish;
    try {
        // First: a key with a declined attempt is told "declined" for good.
        if (!asked.was_asked && request.key) {
            co_await store_.unbind(
                request.customer_id, *request.key, start.attempt.n, store_deadline()
            );
        }
        finish =
            co_await deliver(request.order_id, start.attempt.n, *asked.verdict, true, call.trace);
    } catch (const base::NeighbourError& error) {
        // The attempt is on record, perhaps charged: whatever this had no effect on, pay did.
        logging::warning(
            "verdict not recorded",
            {{"order", request.order_id.to_string()},
             {"trace_id", call.trace.trace_id()},
             {"why", error.what()}}
        );
    }
    if (!finish) co_return Outcome::undecided;
    if (!asked.was_asked && finish == PayFinish::declined) co_return Outcome::unavailable;
    switch (*finish) {
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

net::awaitable<Payments::Asked> Payments::charge(
    PaymentAttempt attempt, std::string method, Call call
) {
    const base::Uuid order = attempt.order_id;
    Asked asked;
    try {
        asked.verdict = co_await provider_.charge(std::move(attempt), std::move(method), call);
    } catch (const base::NeighbourError& error) {
        asked.was_asked = error.effect() != base::NeighbourError::Effect::none;
        logging::warning(
            asked.was_asked ? "payment undecided" : "payment provider not reached",
            {{"order", order.to_string()},
             {"trace_id", call.trace.trace_id()},
             {"why", error.what()}}
        );
    }
    // Never asked is as definite as declined: the hold goes on, and another attempt may follow.
    if (!asked.was_asked) asked.verdict = ChargeVerdict::declined;
    co_return asked;
}

net::awaitable<RefundOutcome> Payments::refund(
    base::Uuid order, base::Uuid customer, net::Deadline deadline
) {
    co_return co_await store_.refund(order, customer, deadline);
}

net::awaitable<SaleCancel> Payments::cancel(
    base::Uuid order, base::Uuid customer, RequestKey key, net::Deadline deadline
) {
    co_return co_await store_.cancel(order, customer, key, deadline);
}

net::awaitable<SaleCancel> Payments::look_again(
    base::Uuid order, base::Uuid customer, RequestKey key, net::Deadline deadline
) {
    co_return co_await store_.look_again(order, customer, key, deadline);
}

net::awaitable<void> Payments::unbind_cancel(
    base::Uuid customer, RequestKey key, net::Deadline deadline
) {
    co_await store_.unbind_cancel(customer, key, deadline);
}

net::awaitable<void> Payments::chase() {
    // First what needs no provider: buyers wait for the units of what ran out.
    const int batch = static_cast<int>(limits_.chase_batch_max);
    std::int64_t lapsed = batch;
    while (lapsed == batch) lapsed = co_await store_.lapse(batch, store_deadline());
    co_await ask_for_verdicts();
    co_await settle_due();
}

net::awaitable<void> Payments::ask_for_verdicts() {
    const auto open = co_await store_.claim_open(
        static_cast<int>(limits_.chase_batch_max), limits_.ask_after_ms, store_deadline()
    );
    int failures = 0;
    for (const PaymentAttempt& attempt : open) {
        if (failures == failures_in_a_row_max) co_return;
        std::optional<ChargeVerdict> verdict;
        std::string failure;
        try {
            verdict = co_await provider_.ask(attempt, store_deadline());
        } catch (const base::NeighbourError& error) {
            failure = error.what();
        }
        failures = failure.empty() ? 0 : failures + 1;
        if (!failure.empty()) {
            logging::warning(
                "provider was not asked", {{"open", open.size()}, {"why", std::move(failure)}}
            );
        }
        if (verdict) co_await deliver(attempt.order_id, attempt.n, *verdict, false);
    }
}

net::awaitable<void> Payments::settle_due() {
    const auto due = co_await store_.claim_due(
        static_cast<int>(limits_.chase_batch_max), limits_.chase_claim_ms, store_deadline()
    );
    std::vector<PaymentStore::Due> done;
    int failures = 0;
    for (const PaymentStore::Due& item : due) {
        if (failures == failures_in_a_row_max) break;
        std::string failure;
        try {
            const bool is_done = co_await settle(item);
            if (is_done) done.push_back(item);
        } catch (const base::NeighbourError& error) {
            failure = error.what();
        }
        failures = failure.empty() ? 0 : failures + 1;
        if (!failure.empty()) {
            logging::warning(
                "provider did not confirm",
                {{"order", item.attempt.order_id.to_string()}, {"why", std::move(failure)}}
            );
        }
    }
    if (!done.empty()) co_await store_.confirm_due(done, store_deadline());
}

net::awaitable<bool> Payments::settle(PaymentStore::Due item) {
    if (item.refund) {
        co_await provider_.refund(item.attempt, store_deadline());
        co_return true;
    }
    const VoidAnswer answer = co_await provider_.void_charge(item.attempt, store_deadline());
    if (answer == VoidAnswer::voided) co_return true;
    // It was approved after all. Nobody can be given the units any more, so this makes it due back.
    co_await deliver(item.attempt.order_id, item.attempt.n, ChargeVerdict::approved, false);
    co_return false;
}

}  // namespace order
