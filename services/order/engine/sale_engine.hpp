#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/batcher.hpp"
#include "net/event.hpp"
#include "net/net.hpp"
#include "net/pace.hpp"
#include "order/clients/peer_client.hpp"
#include "order/domain/answers.hpp"
#include "order/domain/hint.hpp"
#include "order/domain/serving_time.hpp"
#include "order/engine/buyer_line.hpp"
#include "order/engine/database_clock.hpp"
#include "order/engine/engine_metrics.hpp"
#include "order/engine/lease_keeper.hpp"

namespace order {

struct EngineLimits {
    std::size_t queue_max = 8192;   ///< takes and returns waiting for one sale; beyond: busy
    std::size_t batch_max = 256;    ///< best cost per order is reached near 100; more adds latency
    std::size_t forward_max = 200;  ///< buyers per forwarded batch: fits the peer's body limit
    std::size_t forwards_max = 2;   ///< batches under way to the holder
    std::size_t peek_max = 512;     ///< keys per snapshot
    std::int64_t batch_interval_min_ms = 0;  ///< between beginnings; 0: as fast as commits return
    std::int64_t peek_interval_min_ms = 5;   ///< likewise between snapshots
    std::int64_t batch_timeout_ms = 1500;
    /// Whoever would wait longer in the line is told busy at once. Less than forward_timeout_ms by
    /// forward_margin: what another pod forwards is to wait no longer at the holder, either.
    std::int64_t wait_max_ms = 500;
    std::int64_t forward_timeout_ms = 800;
    std::int64_t unknowns_max = 3;  ///< in a row; then this pod only forwards
    std::int64_t reclaim_every_ms = 100;
    LeaseLimits lease;
};

/// What the engines of a pod share. Outlives them.
struct EngineParts {
    net::Executor executor;
    SaleStore& store;
    postgres::Pool& pool;
    SaleLease& lease;
    PeerClient& peers;
    DatabaseClock& clock;
    EngineMetrics& metrics;
    LeaseHolder self;
    EngineLimits limits;
};

/// Sells one sale on this pod. Buyers wait in a bounded line; whatever is in it the moment the
/// last commit returned is the next batch, which goes to the row as one call (holder, or no lease)
/// or in one hop to the pod that holds the lease. Replies go out only after the commit's result was
/// read. Owned by one loop.
class SaleEngine : public std::enable_shared_from_this<SaleEngine> {
  public:
    SaleEngine(EngineParts parts, SaleTerms terms);

    void start();
    /// Ends the loops; what waits is told busy.
    void stop();
    /// Serves what is queued, then gives the lease back.
    net::awaitable<void> drain(net::Deadline deadline);

    const SaleTerms& terms() const { return terms_; }
    const StockHint& hint() const { return hint_; }

    /// Busy, if the line is as long as it may get by its time: for who asks before a buyer's token
    /// is looked at. Whether there is room is take()'s business.
    std::optional<TakeAnswer> turned_away();
    /// Answers at the latest shortly after `deadline`.
    net::awaitable<TakeAnswer> take(Take take, net::Deadline deadline);
    net::awaitable<ReturnAnswer> give_back(Return wish, net::Deadline deadline);

    /// A batch that another pod forwarded; nullopt if this pod doesn't hold the lease.
    net::awaitable<std::optional<ForwardedAnswers>> serve_forwarded(
        ForwardedBatch batch, net::Deadline deadline
    );

    /// Wants an empty batch soon: holds came due, or the last open order may have been paid.
    void ask_for_reclaim();
    void paid_an_order();
    /// The row changed outside of a batch (pause, resume, end): what is known of it is old.
    void observe(const Peek& peek);

    bool idle_since(net::Deadline moment) const { return last_use_ < moment && line_.empty(); }

  private:
    struct KeyQuestion {
        Take take;
    };

    net::awaitable<void> run();
    net::awaitable<void> run_reclaim_timer();
    net::awaitable<void> serve_once();
    net::awaitable<void> connect();
    net::awaitable<void> apply(Buyers buyers, LeaseKeeper::Role role);
    /// Decides each half alone, down to the one buyer that the database can't digest.
    net::awaitable<void> split(Buyers buyers, LeaseKeeper::Role role);
    /// A batch whose commit was not seen: raises the fence, so that it is over one way or the
    /// other, and sends it again; its keys make that exactly once.
    net::awaitable<void> resolve_unknown(Buyers buyers, BatchMode mode);
    net::awaitable<BatchResult> call_row(const Buyers& buyers, BatchMode mode);
    /// Answers what `result` decided; false if the buyers were fenced off and went back.
    bool settle(Buyers& buyers, const BatchResult& result, BatchMode mode);
    void start_forward();
    net::awaitable<void> forward(Buyers buyers, std::string address);
    net::awaitable<std::vector<TakeAnswer>> peek(std::vector<KeyQuestion> questions);
    net::awaitable<bool> learn_fence();

    /// Replies run after the next batch was sent, so that the database works meanwhile.
    void answer_soon(Buyers buyers, BatchResult result);
    /// Whether a buyer who comes now is served in time. Without asking, all who wait longer than
    /// they care to would still be served, and nobody in time: a shop that sells to the absent.
    bool may_join() const;
    std::int64_t wait_us() const;
    TakeAnswer turn_away();
    void round_returned(ServingTime& time, net::SteadyClock::time_point started);
    /// Nobody needs the row to learn that it sells nothing now.
    bool snapshots_decide(std::int64_t now_us) const;
    TakeAnswer snapshot_answer(const Take& take, const Peek& peek, std::size_t index) const;

    EngineParts parts_;
    SaleTerms terms_;
    LeaseKeeper keeper_;
    BuyerLine line_;
    ServingTime rounds_;    ///< batches of this pod at the row
    ServingTime forwards_;  ///< and on their way to the holder and back
    net::Event wake_;
    net::Pace pace_;
    net::Batcher<KeyQuestion, TakeAnswer> peeks_;
    std::shared_ptr<postgres::Connection> connection_;
    StockHint hint_;
    bool applying_ = false;
    bool stopping_ = false;
    bool reclaim_wanted_ = false;
    bool sold_out_check_ = false;
    std::size_t forwards_under_way_ = 0;
    std::int64_t unknowns_in_a_row_ = 0;
    net::Deadline last_use_{};
    net::SteadyClock::time_point last_round_{};  ///< its answer came
};

}  // namespace order
