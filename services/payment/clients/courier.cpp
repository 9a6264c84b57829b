#include "payment/clients/courier.hpp"

#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>

#include "logging/logging.hpp"

namespace payment {
namespace {

using std::chrono::milliseconds;

constexpr const char* metric_name = "doorbuster_payment_webhooks_total";
constexpr const char* metric_help = "Deliveries of webhooks by what became of them";

void rethrow(std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
}

}  // namespace

struct Courier::Round {
    Round(const net::Executor& executor, std::size_t events)
        : verdicts(events), left(events), ended(executor) {}

    std::vector<Verdict> verdicts;
    std::size_t left;
    net::Event ended;
};

Courier::Courier(Parts parts, metrics::Registry& metrics, CourierLimits limits, std::uint64_t seed)
    : parts_(std::move(parts)),
      limits_(limits),
      jitter_(seed),
      taken_(metrics.counter(metric_name, metric_help, {{"outcome", "taken"}})),
      failed_(metrics.counter(metric_name, metric_help, {{"outcome", "again"}})),
      given_up_(metrics.counter(metric_name, metric_help, {{"outcome", "given_up"}})),
      next_pruning_(net::deadline_in(milliseconds(limits.prune_every_ms))) {}

net::Deadline Courier::store_deadline() const {
    return net::deadline_in(milliseconds(limits_.store_timeout_ms));
}

net::awaitable<void> Courier::run() {
    bool failing = false;
    while (!stopping_) {
        std::size_t delivered = 0;
        std::string failure;
        try {
            co_await parts_.ledger.settle_due(limits_.batch_max, store_deadline());
            delivered = co_await deliver_due();
            co_await prune_if_time();
        } catch (const base::NeighbourError& error) {
            failure = error.what();
        }
        if (!failure.empty() && !failing) {
            logging::warning("webhooks wait for the database", {{"why", failure}});
        }
        failing = !failure.empty();
        const bool is_full = delivered == static_cast<std::size_t>(limits_.batch_max);
        if (!is_full) co_await net::sleep_for(milliseconds(limits_.tick_ms));
    }
}

net::awaitable<std::size_t> Courier::deliver_due() {
    const std::vector<Event> events =
        co_await parts_.outbox.claim(limits_.batch_max, limits_.claim_ms, store_deadline());
    if (events.empty()) co_return 0;
    const auto round = std::make_shared<Round>(parts_.executor, events.size());
    for (std::size_t place = 0; place < events.size(); ++place) {
        net::asio::co_spawn(parts_.executor, deliver(events[place], round, place), rethrow);
    }
    while (round->left > 0) co_await round->ended.wait();
    std::vector<WebhookOutbox::Outcome> outcomes;
    for (std::size_t place = 0; place < events.size(); ++place) {
        outcomes.push_back({events[place].id, round->verdicts[place]});
    }
    co_await parts_.outbox.close(outcomes, store_deadline());
    co_return events.size();
}

net::awaitable<void> Courier::prune_if_time() {
    if (net::SteadyClock::now() < next_pruning_) co_return;
    next_pruning_ = net::deadline_in(milliseconds(limits_.prune_every_ms));
    co_await parts_.outbox.prune(limits_.prune_max, limits_.kept_ms, store_deadline());
}

net::awaitable<void> Courier::deliver(
    Event event, std::shared_ptr<Round> round, std::size_t place
) {
    Answer answer;
    std::string why;
    try {
        const auto deadline = net::deadline_in(milliseconds(limits_.delivery_timeout_ms));
        answer = co_await parts_.client.send(event, deadline);
    } catch (const base::NeighbourError& error) {
        why = error.what();
    }
    const Verdict verdict = judge(answer, event.attempts, limits_.retry, jitter_.next());
    if (verdict.kind == Verdict::Kind::taken) {
        taken_.Increment();
    } else {
        if (why.empty()) why = "status " + std::to_string(answer.status) + " " + answer.code;
        const bool is_lost = verdict.kind == Verdict::Kind::given_up;
        (is_lost ? given_up_ : failed_).Increment();
        logging::warning(
            is_lost ? "webhook given up" : "webhook was not taken",
            {{"key", event.key}, {"attempt", event.attempts}, {"why", why}}
        );
    }
    round->verdicts[place] = verdict;
    --round->left;
    round->ended.notify();
}

}  // namespace payment
