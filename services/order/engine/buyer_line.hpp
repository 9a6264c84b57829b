#pragma once

#include <cstddef>
#include <deque>
#include <variant>
#include <vector>

#include "net/net.hpp"
#include "net/one_shot.hpp"
#include "order/clients/peer_client.hpp"
#include "order/domain/answers.hpp"
#include "order/domain/batch.hpp"
#include "order/domain/waiting_line.hpp"

namespace order {

using TakeReply = net::OneShot<TakeAnswer>;
using ReturnReply = net::OneShot<ReturnAnswer>;

TakeAnswer undecided(TakeAnswer::Kind kind);
ReturnAnswer undecided_return(TakeAnswer::Kind kind);

/// One buyer's wish in the line or in a batch, and where the answer goes.
struct Buyer {
    std::variant<Take, Return> wish;
    std::variant<TakeReply, ReturnReply> reply;
    net::Deadline deadline{};             ///< of the answer from here
    net::SteadyClock::time_point came{};  ///< to the pod that they asked
    bool from_peer = false;               ///< has had its one hop
    /// A batch with it may have committed unseen: "busy" would say too much.
    bool maybe_decided = false;

    bool is_return() const { return std::holds_alternative<Return>(wish); }
    bool is_answered() const;
    void answer(const TakeAnswer& answer) const { std::get<TakeReply>(reply).set(answer); }
    void answer(const ReturnAnswer& answer) const { std::get<ReturnReply>(reply).set(answer); }
    void leave_undecided(TakeAnswer::Kind kind) const;
};
using Buyers = std::vector<Buyer>;

/// Answers a batch as the row decided it; those it deferred go on waiting. How many bought.
std::size_t answer_decided(const Buyers& buyers, const BatchResult& result);
/// Answers a batch as the pod that it was forwarded to answered.
void answer_forwarded(const Buyers& buyers, const ForwardedAnswers& answers);
void leave_undecided(const Buyers& buyers, TakeAnswer::Kind kind);

/// Everybody who waits for one sale on this pod: the bounded line, and those whose batch is under
/// way, until they are answered. Nobody is left without an answer past their deadline. Those whom
/// other pods forwarded have waited there: they are served among ours by when they came.
class BuyerLine {
  public:
    explicit BuyerLine(std::size_t buyers_max) : buyers_max_(buyers_max) {}

    bool empty() const { return own_.empty() && forwarded_.empty(); }
    std::size_t size() const { return own_.size() + forwarded_.size(); }

    /// The `came` of who came to another pod then and is forwarded now: no further back than among
    /// ours who came within `wait_max` of our first, so that the pod that forwards them gets its
    /// answer as long as rounds take what they took.
    net::SteadyClock::time_point place_of_forwarded(
        net::SteadyClock::time_point came, std::chrono::milliseconds wait_max
    ) const;
    /// False if the line is full, or closed.
    bool join(Buyer buyer);
    /// To the back, past the bound: it was inside.
    void join_again(Buyer buyer);
    /// The next ones that still wait for an answer.
    Buyers take(std::size_t count);
    /// Back to the front: their batch decided nothing.
    void put_back(Buyers buyers);
    /// Tells whoever stands in the line that the shop is busy.
    void turn_all_away();
    /// The same for good: nobody joins any more, and who would be put back is told "unknown".
    void close();
    /// Tells whoever waits past the deadline that the outcome is unknown, wherever the wish is.
    void answer_overdue();

  private:
    WaitingLine<Buyer>& line_of(const Buyer& buyer) { return buyer.from_peer ? forwarded_ : own_; }
    /// Where the next one stands. One of them must not be empty.
    WaitingLine<Buyer>& next_line();

    std::size_t buyers_max_;
    WaitingLine<Buyer> own_;
    WaitingLine<Buyer> forwarded_;
    std::deque<Buyer> unanswered_;
    bool closed_ = false;
};

}  // namespace order
