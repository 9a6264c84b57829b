#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/random.hpp"
#include "base/uuid.hpp"
#include "crowd/arrivals.hpp"
#include "crowd/connection.hpp"
#include "crowd/customers.hpp"
#include "crowd/exchange_log.hpp"
#include "crowd/options.hpp"
#include "crowd/report.hpp"
#include "crowd/verdict.hpp"

namespace crowd {

/// One run of the crowd: buyers arrive, buy, ask again, pay or leave, over a fixed set of
/// connections on one loop. Ends by itself: by its customers, the sale's end, the duration, a
/// signal or the stop file, and then at most `finish_s` later.
class Crowd {
  public:
    /// `log` may be null; `products` are for orders without a sale. Throws std::runtime_error if
    /// the gateway's name can't be resolved, or there are fewer products than an order has lines.
    Crowd(
        Options options,
        std::vector<Customer> customers,
        ExchangeLog* log,
        std::vector<std::string> products = {}
    );
    ~Crowd();
    Crowd(const Crowd&) = delete;
    Crowd& operator=(const Crowd&) = delete;

    RunRecord run();

    /// As the first signal: no new arrivals. Only from the loop or before run.
    void stop(const std::string& reason);

  private:
    /// A buyer's wish for units under one key, from arrival to its fate.
    struct Purchase {
        std::size_t customer = 0;
        std::string key;
        std::int64_t quantity = 1;
        std::size_t first_product = 0;  ///< of its lines, in an ordinary order
        net::Deadline arrived{};
        net::Deadline give_up_at{};
        int tries_left = 0;
        int pending = 0;       ///< exchanges queued, waiting or under way for it
        bool decided = false;  ///< its take needs no further tries
        std::string order_id;  ///< not empty once acknowledged
        bool refused_for_good = false;
        std::string fate;
    };
    using PurchasePointer = std::shared_ptr<Purchase>;

    /// One request of a purchase. Without a purchase it means: let the next buyer come (closed).
    struct Exchange {
        PurchasePointer purchase;
        Kind kind = Kind::take;
        bool is_duplicate = false;  ///< the second click: its answer never leads to a retry
        bool is_declining = false;  ///< pays with a card that is declined
        bool is_resend = false;     ///< after a kept connection turned out to be closed
        int tries = 0;
        net::Deadline due{};
    };
    struct Later {
        Exchange exchange;
        std::uint64_t order = 0;  ///< keeps equal times first in, first out
        bool operator<(const Later& other) const {
            if (exchange.due != other.exchange.due) return exchange.due > other.exchange.due;
            return order > other.order;
        }
    };

    void open_connections();
    void begin();
    void end_arrivals(const std::string& reason);
    void end_if_done();
    void watch_signals();
    void tick();
    void set_alarm();
    void alarm();
    void progress(net::Deadline now);

    void let_buyers_arrive(net::Deadline now);
    bool next_buyer(net::Deadline due);
    std::int64_t choose_quantity();
    void queue(Exchange exchange);
    void queue_later(Exchange exchange, std::chrono::milliseconds wait);
    void dispatch();
    std::string request_of(const Exchange& exchange) const;
    std::string take_body(const Purchase& purchase) const;

    void ended(Connection& connection, const Outcome& outcome);
    void record(const Exchange& exchange, const Outcome& outcome, const Answer& answer);
    void record_latency(const Exchange& exchange, const Outcome& outcome, int status);
    void after_take(Exchange& exchange, Verdict verdict, const Outcome& outcome, const Answer&);
    void after_order_change(Exchange& exchange, Verdict verdict, const Outcome& outcome);
    void acknowledge(Purchase& purchase, const PurchasePointer& pointer, const Answer& answer);
    bool retry(const Exchange& exchange, Verdict verdict, const Outcome& outcome);
    void decide(Purchase& purchase, std::string fate);
    void release(Purchase& purchase);

    net::asio::io_context loop_{1};
    Options options_;
    std::vector<Customer> customers_;
    std::vector<std::string> products_;
    ExchangeLog* log_;
    net::asio::signal_set signals_;
    net::asio::steady_timer tick_;
    net::asio::steady_timer alarm_;
    base::Jitter random_;
    base::UuidGenerator keys_;
    Arrivals arrivals_;
    std::string take_head_;
    std::string host_line_;

    Connection::Ended on_ended_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::vector<Exchange> under_way_;  ///< by connection
    std::deque<std::size_t> idle_;
    std::deque<Exchange> ready_;
    std::priority_queue<Later> later_;
    std::uint64_t later_count_ = 0;

    net::Deadline arrivals_end_{};
    net::Deadline hard_end_{};
    net::Deadline next_arrival_{};
    net::Deadline next_tick_{};
    net::Deadline next_progress_{};
    std::uint64_t buyers_begun_ = 0;
    std::uint64_t purchases_open_ = 0;
    std::uint64_t ticks_ = 0;
    bool begun_ = false;
    bool arriving_ = false;
    bool leaving_ = false;  ///< stopped from outside: buyers no longer wait for better times
    bool over_ = false;     ///< what ends now is written down and nothing else

    RunRecord run_;
    struct Seen {
        std::uint64_t arrivals = 0;
        std::uint64_t purchases = 0;
        std::uint64_t lost = 0;
        std::uint64_t retries = 0;
    } seen_;
};

}  // namespace crowd
