#pragma once

#include <memory>
#include <vector>

#include "base/random.hpp"
#include "metrics/metrics.hpp"
#include "net/event.hpp"
#include "payment/clients/webhook_client.hpp"
#include "payment/store/charge_ledger.hpp"
#include "payment/store/webhook_outbox.hpp"

namespace payment {

struct CourierLimits {
    std::int64_t tick_ms = 100;  ///< between looks at an outbox that had nothing due
    int batch_max = 32;          ///< events under way at once
    std::int64_t delivery_timeout_ms = 2000;
    std::int64_t claim_ms = 10'000;  ///< another pod may send it again after it
    std::int64_t store_timeout_ms = 2000;
    std::int64_t prune_every_ms = 60'000;
    int prune_max = 5000;                                       ///< events deleted at a time
    std::int64_t kept_ms = std::int64_t{7} * 24 * 3600 * 1000;  ///< after they were taken
    RetryLimits retry;
};

/// Decides slow charges, delivers webhooks, at least once each, and deletes those that are kept
/// long enough; on every pod side by side. A database that is away ends a round, a receiver that is
/// away only its event's turn.
class Courier {
  public:
    struct Parts {
        net::Executor executor;
        ChargeLedger& ledger;
        WebhookOutbox& outbox;
        WebhookClient& client;
    };

    Courier(Parts parts, metrics::Registry& metrics, CourierLimits limits, std::uint64_t seed);

    /// Runs until stop(); the round under way is finished.
    net::awaitable<void> run();
    void stop() { stopping_ = true; }

  private:
    /// Deliveries of one round, shared by their coroutines.
    struct Round;

    net::awaitable<std::size_t> deliver_due();
    net::awaitable<void> prune_if_time();
    net::awaitable<void> deliver(Event event, std::shared_ptr<Round> round, std::size_t place);
    net::Deadline store_deadline() const;

    Parts parts_;
    CourierLimits limits_;
    base::Jitter jitter_;
    prometheus::Counter& taken_;
    prometheus::Counter& failed_;
    prometheus::Counter& given_up_;
    net::Deadline next_pruning_;
    bool stopping_ = false;
};

}  // namespace payment
