#pragma once

#include <cstdint>
#include <optional>

#include "order/domain/batch.hpp"

namespace order {

/// What a pod last saw of a sale's row. May only ever say "no" (ask a snapshot before refusing),
/// never "yes": whether there are units is decided by the row alone.
class StockHint {
  public:
    /// A lower seq never replaces a higher one: answers may arrive out of order.
    void observe(
        std::int64_t seq,
        SaleState state,
        bool sold_out,
        std::int64_t remaining,
        std::optional<std::int64_t> next_expiry_us
    );

    bool known() const { return known_; }
    bool sold_out() const { return sold_out_; }
    SaleState state() const { return state_; }
    std::int64_t seq() const { return seq_; }
    std::int64_t remaining() const { return remaining_; }
    std::optional<std::int64_t> next_expiry_us() const { return next_expiry_us_; }

    /// True if a take of now would most likely be refused, so that a cheap unlocked snapshot can
    /// answer it. False from the moment on when a held unit may have come back.
    bool says_no(std::int64_t now_us) const;

    /// True if holds came due that only a batch can bring back.
    bool wants_reclaim(std::int64_t now_us) const;

    /// True if a paid order may have been the last open one: then an empty batch says `sold_out`.
    bool may_become_sold_out() const;

  private:
    bool known_ = false;
    std::int64_t seq_ = 0;
    SaleState state_ = SaleState::open;
    bool sold_out_ = false;
    std::int64_t remaining_ = 0;
    std::optional<std::int64_t> next_expiry_us_;
};

/// The refusal that a snapshot alone justifies, or nullopt if the take has to go to the row.
std::optional<TakeOutcome> refusal_by_snapshot(
    const Peek& peek, const SaleTerms& terms, std::int32_t quantity
);

}  // namespace order
