#pragma once

#include <chrono>
#include <expected>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/client.hpp"
#include "net/net.hpp"
#include "order/domain/answers.hpp"
#include "order/domain/batch.hpp"

namespace order {

/// What one pod hands to another in one hop.
struct ForwardedBatch {
    std::vector<Take> takes;
    std::vector<Return> returns;
    /// Of who came first: their place among the receiver's own. In a header, X-Waited-Ms, as pods
    /// of the version before refuse members that they don't know.
    std::chrono::milliseconds waited{0};
};

inline constexpr std::string_view waited_header = "X-Waited-Ms";

/// So much sooner than the sender gives up the holder is to answer for the whole batch. More than
/// EngineLimits::reclaim_every_ms, as it looks only so often for whom it has kept for too long.
inline constexpr std::chrono::milliseconds forward_margin(150);

struct ForwardedAnswers {
    std::vector<TakeAnswer> takes;
    std::vector<ReturnAnswer> returns;
    /// The holder's row as it last saw it, for the sender's hint.
    std::int64_t seq = 0;
    SaleState state = SaleState::open;
    bool sold_out = false;
    std::int64_t remaining = 0;
    std::optional<std::int64_t> next_expiry_us;
};

/// Hands a pod's whole local batch to the pod that holds the sale's lease. At most one hop: the
/// receiver answers 409 `not_holder` rather than forward again.
class PeerClient {
  public:
    enum class Refusal { not_holder };

    PeerClient(net::Executor executor, std::string authorization);

    /// Throws http::TransportError (the caller then does not know what became of the batch unless
    /// the stage says so) or base::NeighbourError for an answer that makes no sense.
    net::awaitable<std::expected<ForwardedAnswers, Refusal>> forward(
        const std::string& address,
        const base::Uuid& sale,
        const ForwardedBatch& batch,
        net::Deadline deadline
    );

  private:
    std::shared_ptr<http::Client> client(const std::string& address);

    net::Executor executor_;
    std::string authorization_;
    std::map<std::string, std::shared_ptr<http::Client>> clients_;
};

}  // namespace order
