#pragma once

#include <functional>
#include <optional>
#include <string>

#include "net/batcher.hpp"
#include "order/clients/payment_provider.hpp"
#include "order/store/payment_store.hpp"

namespace order {

struct PaymentLimits {
    std::size_t queue_max = 8192;
    std::size_t batch_max = 256;
    std::int64_t paying_ms = 5000;  ///< how long an attempt may stay undecided before it is voided
    std::int64_t store_timeout_ms = 1500;
    std::int64_t chase_batch_max = 200;
    std::int64_t chase_claim_ms = 10000;
    std::int64_t ask_after_ms = 1000;  ///< an attempt's age, and then the time between questions
};

/// Pays orders: commits an attempt, asks the provider with no transaction open, commits the
/// verdict. A crash in between, or an answer that got lost, leaves an open attempt: its verdict
/// comes by webhook or is asked for; if none is had in time it lapses, is voided with the provider,
/// and gives the order back to its hold.
class Payments {
  public:
    enum class Outcome {
        paid,
        undecided,  ///< an attempt is under way: ask again
        declined,
        expired,
        cancelled,
        refunded,
        not_found,
        busy,
        key_reused,
        unavailable  ///< the provider was not reached: nothing was charged, the hold goes on
    };

    /// Takes the verdict of an attempt that is of no sale's order; nullopt: of no order at all.
    /// The last two are deliver()'s.
    using Elsewhere = std::function<net::awaitable<std::optional<PayFinish>>(
        base::Uuid, std::int32_t, ChargeVerdict, bool, http::TraceContext
    )>;

    Payments(
        net::Executor executor,
        PaymentStore& store,
        PaymentProvider& provider,
        Elsewhere elsewhere,
        PaymentLimits limits
    );

    bool accepts(std::string_view method) const { return provider_.accepts(method); }

    /// With a key the outcome is that of the attempt that the key began or found paid, whatever
    /// became of the order since.
    net::awaitable<Outcome> pay(PayRequest request, Call call);

    /// A verdict, whichever way it came: answer, webhook, asked for, refused void. May come again,
    /// late, or before the answer, of an order of either kind. `settle_now`: product is asked about
    /// an ordinary order before this returns, else by a worker: others wait for the caller.
    net::awaitable<PayFinish> deliver(
        base::Uuid order,
        std::int32_t n,
        ChargeVerdict verdict,
        bool settle_now,
        http::TraceContext trace = http::TraceContext::make()
    );

    /// The attempt as it was begun, for the check of what a verdict is about.
    net::awaitable<std::optional<PaymentAttempt>> find(base::Uuid order, std::int32_t n);

    /// False: too many verdicts are waiting, come again.
    bool has_room() const { return begins_.has_room() && finishes_.has_room(); }

    net::awaitable<RefundOutcome> refund(
        base::Uuid order, base::Uuid customer, net::Deadline deadline
    );

    /// As those of PaymentStore.
    net::awaitable<SaleCancel> cancel(
        base::Uuid order, base::Uuid customer, RequestKey key, net::Deadline deadline
    );
    net::awaitable<SaleCancel> look_again(
        base::Uuid order, base::Uuid customer, RequestKey key, net::Deadline deadline
    );
    net::awaitable<void> unbind_cancel(base::Uuid customer, RequestKey key, net::Deadline deadline);

    /// Moves on what was left behind: lets attempts lapse, asks for verdicts that got lost, sees to
    /// voids and refunds that are due. A provider that fails a few times in a row ends the round:
    /// the rest is claimed again when its time has come.
    net::awaitable<void> chase();

  private:
    net::awaitable<std::vector<PayStartResult>> begin(
        std::vector<PaymentStore::BeginRequest> requests
    );
    net::awaitable<std::vector<PayFinish>> finish(std::vector<PaymentStore::FinishRequest> requests
    );
    /// The provider's verdict on an attempt that was just begun; nullopt: not known yet.
    struct Asked {
        std::optional<ChargeVerdict> verdict;
        bool was_asked = true;  ///< false: certainly never, which is as definite as declined
    };
    net::awaitable<Asked> charge(PaymentAttempt attempt, std::string method, Call call);
    net::awaitable<void> ask_for_verdicts();
    net::awaitable<void> settle_due();
    /// What the provider confirmed: `item` is done. False if it said otherwise.
    net::awaitable<bool> settle(PaymentStore::Due item);
    net::Deadline store_deadline() const;

    PaymentStore& store_;
    PaymentProvider& provider_;
    Elsewhere elsewhere_;
    PaymentLimits limits_;
    net::Batcher<PaymentStore::BeginRequest, PayStartResult> begins_;
    net::Batcher<PaymentStore::FinishRequest, PayFinish> finishes_;
};

}  // namespace order
