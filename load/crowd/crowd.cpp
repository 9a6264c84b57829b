#include "crowd/crowd.hpp"

#include <csignal>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <sys/resource.h>

#include <boost/asio/ip/tcp.hpp>
#include <fmt/format.h>

#include "base/assertion.hpp"
#include "base/timestamp.hpp"
#include "crowd/products.hpp"

namespace crowd {
namespace {

using boost::system::error_code;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr milliseconds tick_every{10};
constexpr std::uint64_t ticks_per_look_for_stop_file = 10;
constexpr milliseconds open_ahead_limit{5000};
constexpr milliseconds open_first_limit{1000};  ///< for the first of them
// More connects at once overflow a small listen backlog, and a dropped SYN costs a second.
constexpr std::size_t opening_at_once_max = 64;

std::chrono::microseconds as_duration(double seconds) {
    return std::chrono::microseconds(static_cast<std::int64_t>(seconds * 1e6));
}

Connection::Tcp::endpoint resolve(net::asio::io_context& loop, const Options& options) {
    Connection::Tcp::resolver resolver(loop);
    error_code fault;
    const auto found = resolver.resolve(options.host, options.port, fault);
    if (fault || found.empty()) {
        throw std::runtime_error(fmt::format(
            "can't resolve the gateway {}:{}: {}; check --gateway",
            options.host,
            options.port,
            fault.message()
        ));
    }
    return found.begin()->endpoint();
}

/// Each connection is a file; the usual soft limit of 1024 is below what a crowd needs.
void raise_open_files(int connections) {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    const auto needed = static_cast<rlim_t>(connections) + 64;
    if (limit.rlim_max < needed) {
        throw std::runtime_error(fmt::format(
            "{} connections need {} open files, the limit is {}; raise it with ulimit -n",
            connections,
            needed,
            limit.rlim_max
        ));
    }
}

struct CpuTime {
    double user_s = 0;
    double system_s = 0;

    static CpuTime now() {
        rusage usage{};
        getrusage(RUSAGE_SELF, &usage);
        const auto seconds = [](const timeval& time) {
            return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
        };
        return {seconds(usage.ru_utime), seconds(usage.ru_stime)};
    }
};

}  // namespace

Crowd::Crowd(
    Options options,
    std::vector<Customer> customers,
    ExchangeLog* log,
    std::vector<std::string> products
)
    : options_(std::move(options)),
      customers_(std::move(customers)),
      products_(std::move(products)),
      log_(log),
      signals_(loop_, SIGINT, SIGTERM),
      tick_(loop_),
      alarm_(loop_),
      random_(options_.seed),
      arrivals_(options_.rate, options_.spacing, options_.seed) {
    DOORBUSTER_ASSERT(!customers_.empty());
    raise_open_files(options_.connections);
    host_line_ = fmt::format(" HTTP/1.1\r\nHost: {}:{}\r\n", options_.host, options_.port);
    const auto lines = static_cast<std::size_t>(options_.lines);
    if (options_.sale.empty() && products_.size() < lines) {
        throw std::runtime_error(
            fmt::format("{} products are too few for orders of {}", products_.size(), lines)
        );
    }
    take_head_ =
        options_.sale.empty()
            ? "POST /api/v1/orders" + host_line_
            : fmt::format("POST /api/v1/flash-sales/{}/orders{}", options_.sale, host_line_);
    on_ended_ = [this](Connection& connection, const Outcome& outcome) {
        ended(connection, outcome);
    };
    const auto gateway = resolve(loop_, options_);
    const auto count = static_cast<std::size_t>(options_.connections);
    under_way_.resize(count);
    for (std::size_t index = 0; index < count; ++index) {
        connections_.push_back(
            std::make_unique<Connection>(loop_.get_executor(), gateway, index, on_ended_)
        );
        idle_.push_back(index);
    }
}

Crowd::~Crowd() = default;

RunRecord Crowd::run() {
    watch_signals();
    open_connections();
    const CpuTime cpu_before = CpuTime::now();
    begin();
    loop_.restart();
    loop_.run();
    const CpuTime cpu_after = CpuTime::now();
    run_.ended = net::SteadyClock::now();
    over_ = true;
    for (const auto& connection : connections_) connection->check_deadline(net::Deadline::max());
    if (arriving_) end_arrivals("interrupted");
    run_.cpu_user_s = cpu_after.user_s - cpu_before.user_s;
    run_.cpu_system_s = cpu_after.system_s - cpu_before.system_s;
    run_.tally.unfinished = purchases_open_;
    for (const auto& connection : connections_) {
        run_.connects += connection->connects();
        run_.connect_failures += connection->connect_failures();
    }
    if (log_ != nullptr) log_->flush();
    return std::move(run_);
}

void Crowd::watch_signals() {
    signals_.async_wait([this](const error_code& error, int) {
        if (error) return;
        if (leaving_) return loop_.stop();
        stop("signal");
        watch_signals();
    });
}

/// Connects ahead of the first arrival, so that the run measures the shop and not a thousand
/// handshakes. What can't be opened in time is opened when it is needed.
void Crowd::open_connections() {
    const auto limit = net::deadline_in(open_ahead_limit);
    auto nobody_limit = net::deadline_in(open_first_limit);
    while (!leaving_ && net::SteadyClock::now() < std::min(limit, nobody_limit)) {
        std::size_t missing = 0;
        for (const auto& connection : connections_) {
            if (connection->is_open()) {
                nobody_limit = limit;
                continue;
            }
            if (++missing > opening_at_once_max) break;
            connection->open();
        }
        if (missing == 0) return;
        loop_.restart();
        loop_.run_for(milliseconds(5));
    }
}

void Crowd::begin() {
    const auto now = net::SteadyClock::now();
    run_.started = now;
    run_.started_unix_ms = base::unix_now_ms();
    begun_ = true;
    arriving_ = true;
    arrivals_end_ = now + as_duration(options_.duration_s);
    hard_end_ = arrivals_end_ + as_duration(options_.finish_s);
    next_tick_ = now + tick_every;
    next_progress_ = now + std::chrono::seconds(1);
    if (leaving_) {
        end_arrivals("signal");
        return loop_.stop();
    }
    if (options_.arrival == Arrival::open) {
        next_arrival_ = now + arrivals_.next();
    } else {
        for (int buyer = 0; buyer < options_.connections; ++buyer) {
            if (!next_buyer(now)) break;
        }
        dispatch();
    }
    set_alarm();
    tick();
}

void Crowd::stop(const std::string& reason) {
    if (leaving_) return;
    leaving_ = true;
    if (!begun_) return;
    end_arrivals(reason);
    hard_end_ = std::min(hard_end_, net::SteadyClock::now() + as_duration(options_.finish_s));
    end_if_done();
}

void Crowd::end_arrivals(const std::string& reason) {
    if (!arriving_) return;
    arriving_ = false;
    run_.arrivals_ended = net::SteadyClock::now();
    run_.ended_by = reason;
}

void Crowd::end_if_done() {
    if (!arriving_ && purchases_open_ == 0) loop_.stop();
}

void Crowd::tick() {
    tick_.expires_at(next_tick_);
    tick_.async_wait([this](const error_code& error) {
        if (error) return;
        const auto now = net::SteadyClock::now();
        run_.tally.loop_lag.record(
            duration_cast<std::chrono::microseconds>(now - next_tick_).count()
        );
        for (const auto& connection : connections_) connection->check_deadline(now);
        if (now >= arrivals_end_) stop("duration");
        if (++ticks_ % ticks_per_look_for_stop_file == 0 && !options_.stop_file.empty()) {
            std::error_code missing;
            if (std::filesystem::exists(options_.stop_file, missing)) stop("stop_file");
        }
        if (now >= next_progress_) progress(now);
        end_if_done();
        if (!arriving_ && now >= hard_end_) return loop_.stop();
        next_tick_ = std::max(next_tick_ + tick_every, now);
        tick();
    });
}

void Crowd::set_alarm() {
    auto next = net::Deadline::max();
    if (!later_.empty()) next = later_.top().exchange.due;
    if (arriving_ && options_.arrival == Arrival::open) next = std::min(next, next_arrival_);
    if (next == net::Deadline::max() || next == alarm_.expiry()) return;
    alarm_.expires_at(next);
    alarm_.async_wait([this](const error_code& error) {
        if (!error) alarm();
    });
}

void Crowd::alarm() {
    alarm_.expires_at(net::Deadline::max());
    const auto now = net::SteadyClock::now();
    while (!later_.empty() && later_.top().exchange.due <= now) {
        Exchange exchange = later_.top().exchange;
        later_.pop();
        if (exchange.purchase) {
            ready_.push_back(std::move(exchange));
        } else {
            next_buyer(now);
        }
    }
    let_buyers_arrive(now);
    dispatch();
    end_if_done();
    set_alarm();
}

void Crowd::let_buyers_arrive(net::Deadline now) {
    if (options_.arrival != Arrival::open) return;
    while (arriving_ && next_arrival_ <= now) {
        const auto due = next_arrival_;
        next_arrival_ = run_.started + arrivals_.next();
        if (ready_.size() >= arrivals_waiting_max) {
            ++run_.tally.arrivals;
            ++run_.tally.arrivals_dropped;
            continue;
        }
        next_buyer(due);
    }
}

bool Crowd::next_buyer(net::Deadline due) {
    if (!arriving_) return false;
    const auto bound = static_cast<std::uint64_t>(options_.purchases_per_customer);
    if (bound > 0 && buyers_begun_ >= bound * customers_.size()) {
        end_arrivals("customers");
        return false;
    }
    auto purchase = std::make_shared<Purchase>();
    purchase->customer = buyers_begun_++ % customers_.size();
    purchase->key = keys_.next(base::unix_now_ms()).to_string();
    purchase->quantity = choose_quantity();
    if (!products_.empty()) {
        const auto last = static_cast<std::int64_t>(products_.size()) - 1;
        purchase->first_product = static_cast<std::size_t>(random_.between(0, last));
    }
    purchase->arrived = due;
    purchase->give_up_at = due + as_duration(options_.give_up_s);
    purchase->tries_left = options_.retry_max;
    ++run_.tally.arrivals;
    ++purchases_open_;
    queue({.purchase = purchase, .due = due});
    if (options_.duplicates > 0 && unit_interval(random_) < options_.duplicates) {
        ++run_.tally.duplicates;
        queue({.purchase = purchase, .is_duplicate = true, .due = due});
    }
    return true;
}

std::int64_t Crowd::choose_quantity() {
    if (options_.quantities.size() == 1) return options_.quantities.front().quantity;
    std::int64_t total = 0;
    for (const auto& share : options_.quantities) total += share.weight;
    std::int64_t drawn = random_.between(1, total);
    for (const auto& share : options_.quantities) {
        drawn -= share.weight;
        if (drawn <= 0) return share.quantity;
    }
    return options_.quantities.back().quantity;
}

void Crowd::queue(Exchange exchange) {
    ++exchange.purchase->pending;
    ready_.push_back(std::move(exchange));
}

void Crowd::queue_later(Exchange exchange, milliseconds wait) {
    if (exchange.purchase) ++exchange.purchase->pending;
    exchange.due = net::SteadyClock::now() + wait;
    later_.push({std::move(exchange), ++later_count_});
    set_alarm();
}

void Crowd::dispatch() {
    while (!ready_.empty() && !idle_.empty()) {
        Exchange exchange = std::move(ready_.front());
        ready_.pop_front();
        const auto now = net::SteadyClock::now();
        if (options_.arrival == Arrival::open && exchange.kind == Kind::take) {
            run_.tally.queue_delay.record(
                duration_cast<std::chrono::microseconds>(now - exchange.due).count()
            );
            if (now >= exchange.purchase->give_up_at && exchange.tries == 0 &&
                !exchange.is_resend) {
                if (!exchange.is_duplicate) ++run_.tally.arrivals_left;
                if (exchange.purchase->fate.empty()) exchange.purchase->fate = "left_queue";
                release(*exchange.purchase);
                continue;
            }
        }
        const std::size_t index = idle_.front();
        idle_.pop_front();
        if (run_.tally.first_sent == net::Deadline{}) run_.tally.first_sent = now;
        std::string request = request_of(exchange);
        under_way_[index] = std::move(exchange);
        connections_[index]->send(
            std::move(request), now + milliseconds(options_.request_timeout_ms)
        );
    }
}

std::string Crowd::request_of(const Exchange& exchange) const {
    const Purchase& purchase = *exchange.purchase;
    const Customer& customer = customers_[purchase.customer];
    std::string request;
    request.reserve(512 + customer.token.size());
    const auto out = std::back_inserter(request);
    std::string body = "{}";
    if (exchange.kind == Kind::take) {
        body = take_body(purchase);
        request += take_head_;
        fmt::format_to(out, "Idempotency-Key: {}\r\n", purchase.key);
    } else {
        const auto action = to_string(exchange.kind);
        fmt::format_to(out, "POST /api/v1/orders/{}/{}{}", purchase.order_id, action, host_line_);
        if (exchange.kind == Kind::pay) {
            body = exchange.is_declining ? R"({"payment_method":"sandbox:decline"})"
                                         : R"({"payment_method":"sandbox:approve"})";
        }
    }
    fmt::format_to(
        out,
        "Authorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: "
        "{}\r\n\r\n{}",
        customer.token,
        body.size(),
        body
    );
    return request;
}

std::string Crowd::take_body(const Purchase& purchase) const {
    if (products_.empty()) return fmt::format("{{\"quantity\":{}}}", purchase.quantity);
    return order_body(
        products_,
        purchase.first_product,
        static_cast<std::size_t>(options_.lines),
        purchase.quantity
    );
}

void Crowd::progress(net::Deadline now) {
    next_progress_ = std::max(next_progress_ + std::chrono::seconds(1), now);
    if (log_ != nullptr) log_->flush();
    Tally& tally = run_.tally;
    const std::uint64_t lost = tally.unanswered + tally.never_sent;
    if (options_.progress) {
        std::string line = fmt::format(
            "{:4.0f} s  arrivals {} (+{})  bought {} (+{})  p99 {:.1f} ms  retries +{}  lost +{}  "
            "waiting {} ",
            std::chrono::duration<double>(now - run_.started).count(),
            tally.arrivals,
            tally.arrivals - seen_.arrivals,
            tally.purchases,
            tally.purchases - seen_.purchases,
            static_cast<double>(tally.last_second.percentile(0.99)) / 1e3,
            tally.retries - seen_.retries,
            lost - seen_.lost,
            ready_.size()
        );
        for (const auto& [name, count] : tally.answers[0]) {
            line += fmt::format(" {} {}", name, count);
        }
        fmt::print(stderr, "{}\n", line);
    }
    seen_ = {tally.arrivals, tally.purchases, lost, tally.retries};
    tally.last_second.clear();
}

}  // namespace crowd
