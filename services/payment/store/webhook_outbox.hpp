#pragma once

#include <vector>

#include "net/net.hpp"
#include "payment/domain/delivery.hpp"
#include "postgres/pool.hpp"

namespace payment {

/// Events that order has still to be told. The ledger writes them; whichever pod comes first sends
/// them: claimed with SKIP LOCKED for a time, so that one that dies leaves them to the others.
class WebhookOutbox {
  public:
    explicit WebhookOutbox(postgres::Pool& pool) : pool_(pool) {}

    net::awaitable<std::vector<Event>> claim(
        int limit, std::int64_t claim_ms, net::Deadline deadline
    );

    struct Outcome {
        base::Uuid event_id;
        Verdict verdict;
    };
    net::awaitable<void> close(const std::vector<Outcome>& outcomes, net::Deadline deadline);

    /// Deletes up to `limit` events that were taken or given up more than `kept_ms` ago; how many.
    net::awaitable<std::int64_t> prune(int limit, std::int64_t kept_ms, net::Deadline deadline);

  private:
    postgres::Pool& pool_;
};

}  // namespace payment
