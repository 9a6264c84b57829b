#include "order/engine/buyer_line.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace order {

TakeAnswer undecided(TakeAnswer::Kind kind) {
    TakeAnswer answer;
    answer.kind = kind;
    return answer;
}

ReturnAnswer undecided_return(TakeAnswer::Kind kind) {
    ReturnAnswer answer;
    answer.kind = static_cast<ReturnAnswer::Kind>(kind);
    return answer;
}

bool Buyer::is_answered() const {
    return std::visit([](const auto& shot) { return shot.is_set(); }, reply);
}

void Buyer::leave_undecided(TakeAnswer::Kind kind) const {
    if (maybe_decided) kind = TakeAnswer::Kind::unknown;
    if (is_return()) {
        answer(undecided_return(kind));
    } else {
        answer(undecided(kind));
    }
}

std::size_t answer_decided(const Buyers& buyers, const BatchResult& result) {
    std::size_t take_index = 0;
    std::size_t return_index = 0;
    std::size_t bought = 0;
    for (const Buyer& buyer : buyers) {
        if (buyer.is_return()) {
            buyer.answer(
                ReturnAnswer{ReturnAnswer::Kind::decided, result.returns.at(return_index++)}
            );
            continue;
        }
        const std::size_t pos = take_index++;
        const TakeResult& decided = result.takes.at(pos);
        if (decided.outcome == TakeOutcome::deferred) continue;
        if (decided.outcome == TakeOutcome::late) {
            buyer.leave_undecided(TakeAnswer::Kind::busy);
            continue;
        }
        TakeAnswer answer;
        answer.kind = TakeAnswer::Kind::decided;
        answer.outcome = decided.outcome;
        answer.order_id = decided.order_id;
        answer.seq = result.seq;
        if (result.wrote) answer.pos = static_cast<std::int64_t>(pos) + 1;
        answer.remaining = decided.remaining;
        answer.expires_at_us = result.expires_at_us;
        answer.next_expiry_us = result.next_expiry_us;
        if (decided.outcome == TakeOutcome::bought) ++bought;
        buyer.answer(answer);
    }
    return bought;
}

void answer_forwarded(const Buyers& buyers, const ForwardedAnswers& answers) {
    std::size_t take_index = 0;
    std::size_t return_index = 0;
    for (const Buyer& buyer : buyers) {
        if (buyer.is_return()) {
            const ReturnAnswer& answer = answers.returns.at(return_index++);
            if (answer.kind == ReturnAnswer::Kind::decided) {
                buyer.answer(answer);
            } else {
                buyer.leave_undecided(static_cast<TakeAnswer::Kind>(answer.kind));
            }
            continue;
        }
        const TakeAnswer& answer = answers.takes.at(take_index++);
        if (answer.kind == TakeAnswer::Kind::decided) {
            buyer.answer(answer);
        } else {
            buyer.leave_undecided(answer.kind);
        }
    }
}

void leave_undecided(const Buyers& buyers, TakeAnswer::Kind kind) {
    for (const Buyer& buyer : buyers) buyer.leave_undecided(kind);
}

net::SteadyClock::time_point BuyerLine::place_of_forwarded(
    net::SteadyClock::time_point came, std::chrono::milliseconds wait_max
) const {
    return own_.empty() ? came : std::min(came, own_.front().came + wait_max);
}

bool BuyerLine::join(Buyer buyer) {
    if (closed_ || size() >= buyers_max_) return false;
    unanswered_.push_back(buyer);
    line_of(buyer).push_back(std::move(buyer));
    return true;
}

void BuyerLine::join_again(Buyer buyer) {
    buyer.came = net::SteadyClock::now();
    line_of(buyer).push_back(std::move(buyer));
}

WaitingLine<Buyer>& BuyerLine::next_line() {
    if (forwarded_.empty()) return own_;
    if (own_.empty()) return forwarded_;
    return forwarded_.front().came < own_.front().came ? forwarded_ : own_;
}

Buyers BuyerLine::take(std::size_t count) {
    const auto now = net::SteadyClock::now();
    Buyers buyers;
    buyers.reserve(std::min(count, size()));
    while (buyers.size() < count && !empty()) {
        Buyer buyer = next_line().pop_front();
        if (buyer.is_answered()) continue;
        if (buyer.deadline <= now) {
            buyer.leave_undecided(TakeAnswer::Kind::busy);
        } else {
            buyers.push_back(std::move(buyer));
        }
    }
    return buyers;
}

void BuyerLine::put_back(Buyers buyers) {
    if (closed_) {
        leave_undecided(buyers, TakeAnswer::Kind::unknown);
        return;
    }
    const auto ours = std::stable_partition(buyers.begin(), buyers.end(), [](const Buyer& buyer) {
        return buyer.from_peer;
    });
    own_.push_front({std::make_move_iterator(ours), std::make_move_iterator(buyers.end())});
    buyers.erase(ours, buyers.end());
    forwarded_.push_front(std::move(buyers));
}

void BuyerLine::turn_all_away() {
    leave_undecided(own_.take(own_.size()), TakeAnswer::Kind::busy);
    leave_undecided(forwarded_.take(forwarded_.size()), TakeAnswer::Kind::busy);
}

void BuyerLine::close() {
    closed_ = true;
    turn_all_away();
}

void BuyerLine::answer_overdue() {
    const auto now = net::SteadyClock::now();
    Buyers overdue;
    std::erase_if(unanswered_, [&](const Buyer& buyer) {
        if (buyer.is_answered()) return true;
        if (buyer.deadline > now) return false;
        overdue.push_back(buyer);
        return true;
    });
    // After the sweep: a reply may bring a new wish at once.
    leave_undecided(overdue, TakeAnswer::Kind::unknown);
}

}  // namespace order
