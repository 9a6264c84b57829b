#pragma once

#include "baselines/rules.hpp"
#include "net/net.hpp"

namespace baselines {

struct TakeAnswer {
    Outcome outcome = Outcome::late;
    base::Uuid order_id;  ///< of bought and known
    std::int64_t seq = 0;
    std::int64_t expires_at_us = 0;  ///< of bought
};

/// One of the two ways to sell. Throws base::NeighbourError.
class Seller {
  public:
    virtual ~Seller() = default;
    virtual net::awaitable<TakeAnswer> take(
        const Terms& terms, const Take& take, net::Deadline deadline
    ) = 0;
};

}  // namespace baselines
