#include "order/domain/hint.hpp"

namespace order {

void StockHint::observe(
    std::int64_t seq,
    SaleState state,
    bool sold_out,
    std::int64_t remaining,
    std::optional<std::int64_t> next_expiry_us
) {
    if (known_ && seq < seq_) return;
    known_ = true;
    seq_ = seq;
    state_ = state;
    sold_out_ = sold_out;
    remaining_ = remaining;
    next_expiry_us_ = next_expiry_us;
}

bool StockHint::says_no(std::int64_t now_us) const {
    if (!known_) return false;
    if (sold_out_ || state_ != SaleState::open) return true;
    return remaining_ == 0 && !wants_reclaim(now_us);
}

bool StockHint::wants_reclaim(std::int64_t now_us) const {
    if (!known_ || sold_out_ || state_ == SaleState::settled) return false;
    return next_expiry_us_ && *next_expiry_us_ <= now_us;
}

bool StockHint::may_become_sold_out() const {
    return known_ && !sold_out_ && state_ == SaleState::open && remaining_ == 0;
}

std::optional<TakeOutcome> refusal_by_snapshot(
    const Peek& peek, const SaleTerms& terms, std::int32_t quantity
) {
    const SaleStanding& standing = peek.standing;
    if (standing.sold_out) return TakeOutcome::sold_out;
    if (standing.state == SaleState::draining || standing.state == SaleState::settled) {
        return TakeOutcome::sale_over;
    }
    if (peek.at_us < terms.starts_at_ms * 1000) return TakeOutcome::not_started;
    // Past its end the row itself must say so: the batch that meets it writes `draining`.
    if (peek.at_us >= terms.ends_at_ms * 1000) return std::nullopt;
    if (standing.state == SaleState::paused) return TakeOutcome::paused;
    if (standing.state != SaleState::open) return std::nullopt;
    const bool hold_due = peek.next_expiry_us && *peek.next_expiry_us <= peek.at_us;
    if (standing.remaining >= quantity || hold_due) return std::nullopt;
    return standing.remaining == 0 ? TakeOutcome::none_left_now : TakeOutcome::not_enough;
}

}  // namespace order
