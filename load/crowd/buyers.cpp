// What buyers do with an answer: the part of Crowd that decides; crowd.cpp has its machinery.

#include <algorithm>

#include <fmt/format.h>

#include "crowd/crowd.hpp"

namespace crowd {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::int64_t retry_first_ms = 50;
constexpr int retry_doublings_max = 10;

std::string_view name_of(Outcome::End end) {
    switch (end) {
        case Outcome::End::answered:
            return "answered";
        case Outcome::End::timed_out:
            return "timed_out";
        case Outcome::End::no_connection:
            return "no_connection";
        case Outcome::End::stale:
            return "stale_connection";
        case Outcome::End::reset:
            return "reset";
        case Outcome::End::broken_answer:
            return "broken_answer";
    }
    return "";
}

std::string name_of_answer(Kind kind, int status, const Answer& answer) {
    if (status == 201) return "created";
    if (status == 200 && kind == Kind::take) return "replayed";
    if (status == 200) return kind == Kind::pay ? "paid" : "cancelled";
    if (status == 202) return "paying";
    return answer.code.empty() ? fmt::format("http_{}", status) : answer.code;
}

}  // namespace

void Crowd::ended(Connection& connection, const Outcome& outcome) {
    Exchange exchange = std::move(under_way_[connection.index()]);
    under_way_[connection.index()] = Exchange{};
    idle_.push_back(connection.index());

    Answer answer;
    int status = 0;
    if (outcome.end == Outcome::End::answered) {
        answer = read_answer(outcome.response->body());
        status = outcome.response->status();
    }
    record(exchange, outcome, answer);
    const PurchasePointer purchase = exchange.purchase;
    if (over_) return;
    if (outcome.end == Outcome::End::stale && !exchange.is_resend) {
        // What every HTTP client does when a kept connection was closed under it.
        ++run_.tally.stale_resends;
        exchange.is_resend = true;
        queue(exchange);
    } else if (exchange.kind == Kind::take) {
        const auto verdict = status == 0 ? Verdict::lost : judge_take(status, answer);
        after_take(exchange, verdict, outcome, answer);
    } else {
        const auto verdict = status == 0 ? Verdict::lost : judge_order_change(status, answer);
        after_order_change(exchange, verdict, outcome);
    }
    release(*purchase);
    dispatch();
    end_if_done();
}

void Crowd::record(const Exchange& exchange, const Outcome& outcome, const Answer& answer) {
    Tally& tally = run_.tally;
    const bool answered = outcome.end == Outcome::End::answered;
    const int status = answered ? outcome.response->status() : 0;
    if (answered) {
        tally.count(exchange.kind, name_of_answer(exchange.kind, status, answer));
        record_latency(exchange, outcome, status);
    } else {
        tally.count(exchange.kind, name_of(outcome.end));
        if (outcome.end == Outcome::End::timed_out) ++tally.timeouts;
    }
    if (outcome.sent_us == 0) {
        ++tally.never_sent;
        return;
    }
    ++tally.exchanges;
    if (!answered) ++tally.unanswered;
    if (log_ == nullptr) return;
    const Purchase& purchase = *exchange.purchase;
    const bool take = exchange.kind == Kind::take;
    log_->add({
        .sent_us = outcome.sent_us,
        .answered_us = outcome.answered_us,
        .kind = exchange.kind,
        .customer_id = customers_[purchase.customer].account_id,
        .key = take ? std::string_view(purchase.key) : std::string_view(),
        .quantity = purchase.quantity,
        .order_id = take ? answer.order_id : purchase.order_id,
        .status = status,
        .code = answer.code,
        .seq = answer.seq,
        .pos = answer.pos,
        .remaining = answer.remaining,
        .unit_price_cents = answer.unit_price_cents,
    });
}

void Crowd::record_latency(const Exchange& exchange, const Outcome& outcome, int status) {
    Tally& tally = run_.tally;
    // Open buyers came when they were due, also if no connection was free for them then.
    const auto from = options_.arrival == Arrival::open ? exchange.due : outcome.started;
    const auto took = duration_cast<microseconds>(outcome.ended - from).count();
    if (exchange.kind == Kind::take) tally.last_second.record(took);
    if (status == 429 || status >= 500) return tally.not_served.record(took);
    if (status >= 400) return tally.refusal.record(took);
    switch (exchange.kind) {
        case Kind::take:
            return tally.purchase.record(took);
        case Kind::pay:
            return tally.pay.record(took);
        case Kind::cancel:
            return tally.cancel.record(took);
    }
}

void Crowd::after_take(
    Exchange& exchange, Verdict verdict, const Outcome& outcome, const Answer& answer
) {
    Purchase& purchase = *exchange.purchase;
    if (verdict == Verdict::done) {
        acknowledge(purchase, exchange.purchase, answer);
        return decide(purchase, "bought");
    }
    if (run_.tally.rush_ended == net::Deadline{} && lacks_units(answer.code)) {
        run_.tally.rush_ended = outcome.ended;
        run_.tally.rush_purchases = run_.tally.purchases;
    }
    if (verdict == Verdict::refused && ends_the_sale(answer.code)) {
        purchase.refused_for_good = true;
        if (!purchase.order_id.empty()) ++run_.tally.contradictions;
        if (run_.tally.first_sold_out == net::Deadline{}) {
            run_.tally.first_sold_out = outcome.ended;
        }
        const bool endless = options_.purchases_per_customer == 0;
        if (options_.until_sold_out && endless) end_arrivals("sold_out");
    }
    if (exchange.is_duplicate || purchase.decided) return;
    switch (verdict) {
        case Verdict::done:
            return;
        case Verdict::refused:
            return decide(purchase, answer.code.empty() ? "refused" : answer.code);
        case Verdict::faulty:
            return decide(purchase, name_of_answer(Kind::take, outcome.response->status(), answer));
        case Verdict::not_now:
            if (options_.retries && !leaving_ && retry(exchange, verdict, outcome)) return;
            return decide(purchase, "gave_up_" + (answer.code.empty() ? "busy" : answer.code));
        case Verdict::lost:
            if (options_.retries && retry(exchange, verdict, outcome)) return;
            return decide(purchase, "unknown");
    }
}

void Crowd::acknowledge(Purchase& purchase, const PurchasePointer& pointer, const Answer& answer) {
    if (!purchase.order_id.empty()) {
        if (purchase.order_id != answer.order_id) ++run_.tally.contradictions;
        return;
    }
    if (purchase.refused_for_good) ++run_.tally.contradictions;
    const auto now = net::SteadyClock::now();
    purchase.order_id = answer.order_id;
    run_.tally.purchased(run_.started, now, purchase.quantity);
    run_.tally.until_bought.record(duration_cast<microseconds>(now - purchase.arrived).count());
    const double drawn = unit_interval(random_);
    if (drawn >= options_.pay + options_.cancel) return;
    Exchange change{.purchase = pointer, .kind = drawn < options_.pay ? Kind::pay : Kind::cancel};
    change.is_declining = change.kind == Kind::pay && options_.decline > 0 &&
                          unit_interval(random_) < options_.decline;
    const milliseconds wait(random_.between(options_.pay_delay_ms.low, options_.pay_delay_ms.high));
    purchase.tries_left = options_.retry_max;
    purchase.give_up_at =
        now + wait + milliseconds(static_cast<std::int64_t>(options_.give_up_s * 1e3));
    queue_later(std::move(change), wait);
}

void Crowd::after_order_change(Exchange& exchange, Verdict verdict, const Outcome& outcome) {
    if (verdict == Verdict::refused && exchange.is_declining) {
        // The buyer takes out another card.
        exchange.is_declining = false;
        exchange.tries = 0;
        exchange.is_resend = false;
        exchange.due = net::SteadyClock::now();
        return queue(exchange);
    }
    // Whoever holds an order wants to know how it ended, with or without --retries.
    if (verdict == Verdict::not_now || verdict == Verdict::lost) retry(exchange, verdict, outcome);
}

bool Crowd::retry(const Exchange& exchange, Verdict verdict, const Outcome& outcome) {
    Purchase& purchase = *exchange.purchase;
    if (purchase.tries_left <= 0) return false;
    const int doublings = std::min(exchange.tries, retry_doublings_max);
    std::int64_t wait_ms = retry_first_ms << doublings;
    if (verdict == Verdict::not_now && outcome.response->retry_after_s()) {
        wait_ms = std::int64_t{*outcome.response->retry_after_s()} * 1000;
    }
    wait_ms = std::clamp<std::int64_t>(wait_ms, 1, options_.retry_wait_max_ms);
    // Upward only: earlier would not honour Retry-After, all at once would be a stampede.
    wait_ms += random_.between(0, std::max<std::int64_t>(1, wait_ms / 4));
    if (net::SteadyClock::now() + milliseconds(wait_ms) >= purchase.give_up_at) return false;
    --purchase.tries_left;
    ++run_.tally.retries;
    Exchange again = exchange;
    ++again.tries;
    again.is_resend = false;
    queue_later(std::move(again), milliseconds(wait_ms));
    return true;
}

/// The buyer knows where it stands: in a closed run its place is free for the next one.
void Crowd::decide(Purchase& purchase, std::string fate) {
    if (purchase.decided) {
        if (fate == "bought") purchase.fate = std::move(fate);
        return;
    }
    purchase.decided = true;
    purchase.fate = std::move(fate);
    if (options_.arrival != Arrival::closed) return;
    if (options_.think_ms > 0) {
        queue_later(Exchange{}, milliseconds(options_.think_ms));
    } else {
        next_buyer(net::SteadyClock::now());
    }
}

void Crowd::release(Purchase& purchase) {
    if (--purchase.pending > 0) return;
    increase(run_.tally.fates, purchase.fate.empty() ? "unknown" : purchase.fate);
    --purchases_open_;
}

}  // namespace crowd
