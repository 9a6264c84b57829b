#include "order/engine/sale_engine.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "logging/logging.hpp"

namespace order {
namespace {

using std::chrono::milliseconds;

// Pause after the database refused a batch or a connection, so that a dead one isn't hammered.
constexpr milliseconds failure_pause(50);

// A full line is left alone until this part of it was served: that spares the shop nearly all of
// the refusals, and whoever is in it keeps the row busy meanwhile.
constexpr std::int64_t part_of_line = 10;

bool certainly_retry(const std::string& sqlstate) {
    return sqlstate == "55P03" || sqlstate == "40001" || sqlstate == "40P01" || sqlstate == "57014";
}

bool is_poison(const std::string& sqlstate) {
    return sqlstate.starts_with("22") || sqlstate.starts_with("23");
}

}  // namespace

SaleEngine::SaleEngine(EngineParts parts, SaleTerms terms)
    : parts_(parts),
      terms_(std::move(terms)),
      keeper_(terms_.id, parts.store, parts.lease, parts.self, parts.limits.lease),
      line_(parts.limits.queue_max),
      rounds_(parts.limits.batch_max),
      forwards_(parts.limits.forward_max * parts.limits.forwards_max),
      wake_(parts.executor),
      pace_(milliseconds(parts.limits.batch_interval_min_ms)),
      peeks_(
          parts.executor,
          parts.limits.queue_max,
          parts.limits.peek_max,
          [this](std::vector<KeyQuestion> questions) { return peek(std::move(questions)); },
          milliseconds(parts.limits.peek_interval_min_ms)
      ),
      last_use_(net::SteadyClock::now()) {}

void SaleEngine::start() {
    // Each loop shares ownership: the registry may forget this engine while a loop still sleeps.
    auto self = shared_from_this();
    net::asio::co_spawn(parts_.executor, run(), [self](std::exception_ptr error) {
        if (error) std::rethrow_exception(error);
    });
    net::asio::co_spawn(parts_.executor, run_reclaim_timer(), [self](std::exception_ptr error) {
        if (error) std::rethrow_exception(error);
    });
    net::asio::co_spawn(
        parts_.executor,
        keeper_.tend_until([this] { return stopping_; }),
        [self](std::exception_ptr error) {
            if (error) std::rethrow_exception(error);
        }
    );
}

void SaleEngine::stop() {
    stopping_ = true;
    line_.close();
    wake_.notify();
}

net::awaitable<void> SaleEngine::drain(net::Deadline deadline) {
    const auto at_work = [this] { return !line_.empty() || applying_ || forwards_under_way_ > 0; };
    while (at_work() && net::SteadyClock::now() < deadline) {
        co_await net::sleep_for(milliseconds(5));
    }
    stop();
    co_await keeper_.release();
}

// -- buyers ----------------------------------------------------------------------------------

std::optional<TakeAnswer> SaleEngine::turned_away() {
    if (may_join() || snapshots_decide(parts_.clock.now_us())) return std::nullopt;
    return turn_away();
}

net::awaitable<TakeAnswer> SaleEngine::take(Take take, net::Deadline deadline) {
    last_use_ = net::SteadyClock::now();
    keeper_.used();
    take.deadline_us = parts_.clock.at_us(deadline);
    if (snapshots_decide(parts_.clock.now_us())) {
        if (!peeks_.has_room()) co_return undecided(TakeAnswer::Kind::busy);
        TakeAnswer seen = co_await peeks_.submit(KeyQuestion{take});
        const bool row_must_decide =
            seen.kind == TakeAnswer::Kind::decided && seen.outcome == TakeOutcome::deferred;
        if (!row_must_decide) co_return seen;
    }
    const TakeReply reply;
    const auto came = net::SteadyClock::now();
    const bool queued = may_join() && line_.join({take, reply, deadline, came, false, false});
    if (!queued) co_return turn_away();
    wake_.notify();
    co_return co_await reply.wait();
}

bool SaleEngine::snapshots_decide(std::int64_t now_us) const {
    return hint_.says_no(now_us) || now_us < terms_.starts_at_ms * 1000;
}

TakeAnswer SaleEngine::turn_away() {
    parts_.metrics.takes_turned_away.Increment();
    TakeAnswer answer = undecided(TakeAnswer::Kind::busy);
    // Other pods are well, perhaps, when this one's rounds don't return.
    const auto overdue = milliseconds(2 * parts_.limits.wait_max_ms);
    if (net::SteadyClock::now() - last_round_ > overdue) return answer;
    // A line that was let grow too long, by what was known then, says no more than a full one.
    const std::int64_t full_us = std::min(wait_us(), parts_.limits.wait_max_ms * 1000);
    answer.busy_for_ms = (full_us / part_of_line + 999) / 1000;
    return answer;
}

net::awaitable<ReturnAnswer> SaleEngine::give_back(Return wish, net::Deadline deadline) {
    last_use_ = net::SteadyClock::now();
    keeper_.used();
    const ReturnReply reply;
    const bool queued = line_.join({wish, reply, deadline, last_use_, false, false});
    if (!queued) co_return undecided_return(TakeAnswer::Kind::busy);
    wake_.notify();
    co_return co_await reply.wait();
}

void SaleEngine::round_returned(ServingTime& time, net::SteadyClock::time_point started) {
    last_round_ = net::SteadyClock::now();
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(last_round_ - started);
    time.observe_round_us(took.count());
}

bool SaleEngine::may_join() const {
    return wait_us() <= parts_.limits.wait_max_ms * 1000;
}

std::int64_t SaleEngine::wait_us() const {
    const bool follows = keeper_.last_role() == LeaseKeeper::Role::follower;
    return (follows ? forwards_ : rounds_).wait_us(line_.size());
}

net::awaitable<std::optional<ForwardedAnswers>> SaleEngine::serve_forwarded(
    ForwardedBatch batch, net::Deadline deadline
) {
    if (stopping_ || keeper_.last_role() != LeaseKeeper::Role::holder) co_return std::nullopt;
    last_use_ = net::SteadyClock::now();
    keeper_.used();
    if (batch.takes.empty() && batch.returns.empty()) ask_for_reclaim();
    const auto came =
        line_.place_of_forwarded(last_use_ - batch.waited, milliseconds(parts_.limits.wait_max_ms));
    std::vector<ReturnReply> return_replies(batch.returns.size());
    for (std::size_t index = 0; index < batch.returns.size(); ++index) {
        const ReturnReply& reply = return_replies[index];
        const bool queued = line_.join({batch.returns[index], reply, deadline, came, true, false});
        if (!queued) reply.set(undecided_return(TakeAnswer::Kind::busy));
    }
    const std::int64_t now_us = parts_.clock.now_us();
    std::vector<TakeReply> take_replies(batch.takes.size());
    for (std::size_t index = 0; index < batch.takes.size(); ++index) {
        const Take& take = batch.takes[index];
        const TakeReply& reply = take_replies[index];
        const auto left = std::chrono::microseconds(take.deadline_us - now_us);
        const net::Deadline answer_by = std::min(deadline, last_use_ + left);
        const bool queued = line_.join({take, reply, answer_by, came, true, false});
        if (!queued) reply.set(undecided(TakeAnswer::Kind::busy));
    }
    wake_.notify();
    ForwardedAnswers answers;
    for (auto& reply : return_replies) {
        ReturnAnswer answer = co_await reply.wait();
        answers.returns.push_back(answer);
    }
    for (auto& reply : take_replies) {
        TakeAnswer answer = co_await reply.wait();
        answers.takes.push_back(answer);
    }
    answers.seq = hint_.seq();
    answers.state = hint_.state();
    answers.sold_out = hint_.sold_out();
    answers.remaining = hint_.remaining();
    answers.next_expiry_us = hint_.next_expiry_us();
    co_return answers;
}

void SaleEngine::ask_for_reclaim() {
    reclaim_wanted_ = true;
    wake_.notify();
}

void SaleEngine::paid_an_order() {
    sold_out_check_ = true;
}

void SaleEngine::observe(const Peek& peek) {
    const SaleStanding& standing = peek.standing;
    hint_.observe(
        standing.seq, standing.state, standing.sold_out, standing.remaining, peek.next_expiry_us
    );
}

// -- snapshots: refusing without the row's lock -----------------------------------------------

net::awaitable<std::vector<TakeAnswer>> SaleEngine::peek(std::vector<KeyQuestion> questions) {
    std::vector<SaleStore::KeyQuestion> keys;
    keys.reserve(questions.size());
    for (const KeyQuestion& question : questions) {
        keys.push_back({question.take.customer_id, question.take.key});
    }
    const auto deadline = net::deadline_in(milliseconds(parts_.limits.batch_timeout_ms));
    const auto seen = co_await parts_.store.peek(terms_.id, keys, deadline);
    std::vector<TakeAnswer> answers(questions.size());
    if (!seen) co_return answers;
    observe(*seen);
    for (std::size_t index = 0; index < questions.size(); ++index) {
        answers[index] = snapshot_answer(questions[index].take, *seen, index);
    }
    co_return answers;
}

TakeAnswer SaleEngine::snapshot_answer(const Take& take, const Peek& peek, std::size_t index)
    const {
    TakeAnswer answer;
    answer.kind = TakeAnswer::Kind::decided;
    answer.seq = peek.standing.seq;
    answer.remaining = peek.standing.remaining;
    answer.next_expiry_us = peek.next_expiry_us;
    if (const auto& known = peek.known[index]) {
        answer.outcome =
            known->fingerprint == take.fingerprint ? TakeOutcome::known : TakeOutcome::key_reused;
        answer.order_id = known->order_id;
        return answer;
    }
    const auto refusal = refusal_by_snapshot(peek, terms_, take.quantity);
    answer.outcome = refusal.value_or(TakeOutcome::deferred);
    if (refusal) parts_.metrics.takes_refused_by_snapshot.Increment();
    return answer;
}

// -- the loop --------------------------------------------------------------------------------

net::awaitable<void> SaleEngine::run() {
    while (!stopping_) {
        if (line_.empty() && !reclaim_wanted_) {
            connection_.reset();  // others' sales need it more
            co_await wake_.wait();
            continue;
        }
        bool failed = false;
        try {
            co_await serve_once();
        } catch (const base::NeighbourError& error) {
            logging::warning(
                "sale waits for a neighbour",
                {{"sale", terms_.id.to_string()}, {"why", error.what()}}
            );
            failed = true;
        }
        applying_ = false;
        if (failed) {
            line_.turn_all_away();
            co_await net::sleep_for(failure_pause);
        }
    }
    connection_.reset();
}

net::awaitable<void> SaleEngine::run_reclaim_timer() {
    while (!stopping_) {
        co_await net::sleep_for(milliseconds(parts_.limits.reclaim_every_ms));
        line_.answer_overdue();
        const bool check = std::exchange(sold_out_check_, false) && hint_.may_become_sold_out();
        const bool due = hint_.wants_reclaim(parts_.clock.now_us()) &&
                         keeper_.last_role() != LeaseKeeper::Role::follower;
        if (check || due) ask_for_reclaim();
    }
}

net::awaitable<void> SaleEngine::serve_once() {
    if (line_.size() < parts_.limits.batch_max) co_await pace_.turn();
    LeaseKeeper::Role role = keeper_.last_role();
    if (role != LeaseKeeper::Role::follower) {
        co_await connect();
        role = co_await keeper_.role(*connection_);
    }
    if (role == LeaseKeeper::Role::follower) {
        connection_.reset();
        if (forwards_under_way_ >= parts_.limits.forwards_max) {
            co_await wake_.wait();
            co_return;
        }
        start_forward();
        co_return;
    }
    reclaim_wanted_ = false;
    applying_ = true;
    co_await apply(line_.take(parts_.limits.batch_max), role);
}

void SaleEngine::start_forward() {
    Buyers buyers = line_.take(parts_.limits.forward_max);
    // At most one hop: what another pod sent here goes back to its sender undecided.
    Buyers others;
    for (Buyer& buyer : buyers) {
        if (buyer.from_peer) {
            buyer.leave_undecided(TakeAnswer::Kind::busy);
        } else {
            others.push_back(std::move(buyer));
        }
    }
    if (others.empty() && !reclaim_wanted_) return;
    reclaim_wanted_ = false;
    ++forwards_under_way_;
    auto self = shared_from_this();
    net::asio::co_spawn(
        parts_.executor,
        forward(std::move(others), keeper_.holder_address()),
        [self](std::exception_ptr error) {
            if (error) std::rethrow_exception(error);
        }
    );
}

net::awaitable<void> SaleEngine::connect() {
    if (connection_ && connection_->is_open()) co_return;
    connection_.reset();
    const auto deadline = net::deadline_in(milliseconds(parts_.limits.batch_timeout_ms));
    connection_ = co_await parts_.pool.acquire(deadline);
}

net::awaitable<bool> SaleEngine::learn_fence() {
    const auto deadline = net::deadline_in(milliseconds(parts_.limits.batch_timeout_ms));
    const auto seen = co_await parts_.store.read(terms_.id, deadline);
    if (!seen) co_return false;
    keeper_.observe_fence(seen->standing.fence);
    observe(*seen);
    co_return true;
}

net::awaitable<BatchResult> SaleEngine::call_row(const Buyers& buyers, BatchMode mode) {
    std::vector<Take> takes;
    std::vector<Return> returns;
    takes.reserve(buyers.size());
    for (const Buyer& buyer : buyers) {
        if (buyer.is_return()) {
            returns.push_back(std::get<Return>(buyer.wish));
        } else {
            takes.push_back(std::get<Take>(buyer.wish));
        }
    }
    const auto started = net::SteadyClock::now();
    BatchResult result = co_await parts_.store.apply(
        *connection_,
        terms_.id,
        keeper_.fence(),
        mode,
        takes,
        returns,
        started + milliseconds(parts_.limits.batch_timeout_ms)
    );
    round_returned(rounds_, started);
    const std::chrono::duration<double> spent = last_round_ - started;
    parts_.metrics.batch_seconds.Observe(spent.count());
    parts_.metrics.batch_takes.Observe(static_cast<double>(takes.size()));
    co_return result;
}

net::awaitable<void> SaleEngine::apply(Buyers buyers, LeaseKeeper::Role role) {
    const BatchMode mode =
        role == LeaseKeeper::Role::holder ? BatchMode::lease : BatchMode::without_lease;
    if (unknowns_in_a_row_ >= parts_.limits.unknowns_max) {
        // This pod's way to the database loses answers. It gives the lease up, so that another pod
        // may win it and this one only forwards; one batch a pause tries whether things are better.
        leave_undecided(buyers, TakeAnswer::Kind::busy);
        co_await keeper_.release();
        co_await net::sleep_for(milliseconds(parts_.limits.batch_timeout_ms));
        unknowns_in_a_row_ = parts_.limits.unknowns_max - 1;
        co_return;
    }
    std::string sqlstate;
    bool unknown = false;
    bool failed = false;
    try {
        if (!keeper_.fence_known()) {
            const bool known = co_await learn_fence();
            if (!known) {
                leave_undecided(buyers, TakeAnswer::Kind::busy);
                co_return;
            }
        }
        const BatchResult result = co_await call_row(buyers, mode);
        settle(buyers, result, mode);
        co_return;
    } catch (const postgres::Error& error) {
        sqlstate = error.sqlstate();
        unknown = error.effect() == base::NeighbourError::Effect::unknown;
        failed = !unknown;
        logging::warning(
            "batch without an answer",
            {{"sale", terms_.id.to_string()}, {"why", error.what()}, {"unknown", unknown}}
        );
    }
    if (unknown) {
        co_await resolve_unknown(std::move(buyers), mode);
    } else if (failed && certainly_retry(sqlstate)) {
        line_.put_back(std::move(buyers));
        co_await net::sleep_for(failure_pause);
    } else if (failed && is_poison(sqlstate) && buyers.size() > 1) {
        co_await split(std::move(buyers), role);
    } else {
        // Whatever it was, the connection is not trusted with the next batch.
        connection_.reset();
        leave_undecided(buyers, TakeAnswer::Kind::busy);
        co_await net::sleep_for(failure_pause);
    }
}

net::awaitable<void> SaleEngine::split(Buyers buyers, LeaseKeeper::Role role) {
    const auto middle = buyers.begin() + static_cast<std::ptrdiff_t>(buyers.size() / 2);
    Buyers first(std::make_move_iterator(buyers.begin()), std::make_move_iterator(middle));
    Buyers second(std::make_move_iterator(middle), std::make_move_iterator(buyers.end()));
    co_await apply(std::move(first), role);
    if (connection_ && connection_->is_open()) {
        co_await apply(std::move(second), role);
    } else {
        line_.put_back(std::move(second));
    }
}

net::awaitable<void> SaleEngine::resolve_unknown(Buyers buyers, BatchMode mode) {
    parts_.metrics.batches_unknown.Increment();
    for (Buyer& buyer : buyers) buyer.maybe_decided = true;
    while (!stopping_ && ++unknowns_in_a_row_ < parts_.limits.unknowns_max) {
        try {
            connection_.reset();
            co_await connect();
            const bool raised = co_await keeper_.raise_fence(*connection_);
            if (raised) {
                const BatchResult result = co_await call_row(buyers, mode);
                settle(buyers, result, mode);
                co_return;
            }
        } catch (const postgres::Error& error) {
            logging::warning(
                "an unknown batch is not resolved yet",
                {{"sale", terms_.id.to_string()}, {"why", error.what()}}
            );
        }
        co_await net::sleep_for(failure_pause);
    }
    leave_undecided(buyers, TakeAnswer::Kind::unknown);
}

net::awaitable<void> SaleEngine::forward(Buyers buyers, std::string address) {
    ForwardedBatch batch;
    for (const Buyer& buyer : buyers) {
        if (buyer.is_return()) {
            batch.returns.push_back(std::get<Return>(buyer.wish));
        } else {
            batch.takes.push_back(std::get<Take>(buyer.wish));
        }
    }
    const auto started = net::SteadyClock::now();
    if (!buyers.empty()) {
        batch.waited = std::chrono::duration_cast<milliseconds>(started - buyers.front().came);
    }
    const auto deadline = started + milliseconds(parts_.limits.forward_timeout_ms);
    std::string why;
    std::expected<ForwardedAnswers, PeerClient::Refusal> answers{
        std::unexpect, PeerClient::Refusal::not_holder
    };
    try {
        answers = co_await parts_.peers.forward(address, terms_.id, batch, deadline);
    } catch (const base::NeighbourError& error) {
        why = error.what();
    }
    --forwards_under_way_;
    if (!why.empty()) {
        logging::warning("lease holder did not take a batch", {{"holder", address}, {"why", why}});
        keeper_.holder_failed();
        for (Buyer& buyer : buyers) buyer.maybe_decided = true;
        line_.put_back(std::move(buyers));
    } else if (!answers) {
        keeper_.holder_changed();
        line_.put_back(std::move(buyers));
    } else {
        parts_.metrics.batches_forwarded.Increment();
        round_returned(forwards_, started);
        hint_.observe(
            answers->seq,
            answers->state,
            answers->sold_out,
            answers->remaining,
            answers->next_expiry_us
        );
        answer_forwarded(buyers, *answers);
    }
    wake_.notify();
}

// -- answers ---------------------------------------------------------------------------------

bool SaleEngine::settle(Buyers& buyers, const BatchResult& result, BatchMode mode) {
    unknowns_in_a_row_ = 0;
    if (result.status == BatchResult::Status::fenced) {
        parts_.metrics.batches_fenced.Increment();
        keeper_.fenced(result.fence);
        line_.put_back(std::move(buyers));
        return false;
    }
    keeper_.committed();
    keeper_.observe_fence(result.fence);
    (mode == BatchMode::lease ? parts_.metrics.batches_with_lease
                              : parts_.metrics.batches_without_lease)
        .Increment();
    if (result.status == BatchResult::Status::no_such_sale) {
        leave_undecided(buyers, TakeAnswer::Kind::busy);
        return true;
    }
    hint_.observe(
        result.seq, result.state, result.sold_out, result.remaining, result.next_expiry_us
    );
    answer_soon(std::move(buyers), result);
    return true;
}

void SaleEngine::answer_soon(Buyers buyers, BatchResult result) {
    std::size_t take_index = 0;
    for (const Buyer& buyer : buyers) {
        if (buyer.is_return()) continue;
        const TakeOutcome outcome = result.takes.at(take_index++).outcome;
        // To the back: one customer's many clicks must not hold up the others.
        if (outcome == TakeOutcome::deferred) line_.join_again(buyer);
    }
    net::asio::post(
        parts_.executor,
        [self = shared_from_this(), buyers = std::move(buyers), result = std::move(result)]() {
            const std::size_t bought = answer_decided(buyers, result);
            self->parts_.metrics.takes_bought.Increment(static_cast<double>(bought));
        }
    );
}

}  // namespace order
