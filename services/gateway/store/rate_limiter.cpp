#include "gateway/store/rate_limiter.hpp"

#include <chrono>
#include <deque>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "base/encoding.hpp"
#include "base/random.hpp"
#include "logging/logging.hpp"
#include "net/event.hpp"
#include "net/steady_now.hpp"

namespace gateway {

namespace {

using std::chrono::milliseconds;

/// So many quotas in debt is the most: a clock that jumped must lock nobody out for long. More than
/// what gateways can have let through before they heard of each other.
constexpr std::int64_t debt_quotas_max = 10;

/// Adds to each key's bucket what was used, and returns what is to come back still. A bucket is the
/// moment (microseconds of Redis' clock) at which the quota is whole again; then its key expires.
/// It always adds: the requests were granted already. ARGV: per key, what was used and the most.
constexpr std::string_view add_script = R"(
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local used = {}
for i, key in ipairs(KEYS) do
    local whole_at = math.max(tonumber(redis.call('GET', key) or 0), now) + ARGV[2 * i - 1]
    whole_at = math.min(whole_at, now + ARGV[2 * i])
    used[i] = whole_at - now
    redis.call('SET', key, string.format('%.0f', whole_at), 'PX', math.ceil(used[i] / 1000))
end
return used
)";

std::uint64_t random_seed() {
    std::array<std::uint8_t, sizeof(std::uint64_t)> bytes{};
    base::secure_random(bytes);
    std::uint64_t seed = 0;
    for (const auto byte : bytes) seed = seed << 8 | byte;
    return seed;
}

std::string redis_key(const LimitKey& key) {
    return "limit:" + std::string(to_string(key.limit)) + ":" + base::to_hex(key.subject);
}

}  // namespace

class RateLimiter::Core : public std::enable_shared_from_this<Core> {
  public:
    Core(net::Executor executor, metrics::Registry& metrics, const RateLimiterSettings& settings);

    void start();
    void shut_down();
    Allowance take(const LimitKey& key);
    Allowance look(const LimitKey& key);

    LimitTable table;

  private:
    struct Told {
        LimitKey key;
        std::int64_t requests = 0;
    };
    struct Checks {
        prometheus::Counter* granted = nullptr;
        prometheus::Counter* refused = nullptr;
    };

    static net::awaitable<void> keep_sharing(std::shared_ptr<Core> self);
    net::awaitable<void> share_batch();
    std::vector<Told> next_batch();
    bool learn(const std::vector<Told>& batch, const redis::Reply& reply);
    void give_back(const std::vector<Told>& batch);
    void note_shared(bool is_shared, const std::string& why);

    net::Executor executor_;
    RateLimiterSettings settings_;
    redis::Client redis_;
    std::deque<LimitKey> waiting_;
    net::Event changed_;
    net::Event ending_;
    std::array<Checks, limit_names.size()> checks_{};
    prometheus::Counter& told_;
    prometheus::Counter& untold_;
    prometheus::Gauge& shared_gauge_;
    prometheus::Gauge& forgotten_gauge_;
    bool is_shared_ = true;
    bool stopped_ = false;
};

RateLimiter::Core::Core(
    net::Executor executor, metrics::Registry& metrics, const RateLimiterSettings& settings
)
    : table(settings.quotas, settings.entries_max, random_seed()),
      executor_(executor),
      settings_(settings),
      redis_(executor, settings.redis, &metrics),
      changed_(executor),
      ending_(executor),
      told_(metrics.counter(
          "doorbuster_gateway_limit_reports_total",
          "Buckets added to those that all gateways share.",
          {{"outcome", "told"}}
      )),
      untold_(metrics.counter(
          "doorbuster_gateway_limit_reports_total",
          "Buckets added to those that all gateways share.",
          {{"outcome", "untold"}}
      )),
      shared_gauge_(metrics.gauge(
          "doorbuster_gateway_limits_shared", "0 while each gateway keeps the limits alone."
      )),
      forgotten_gauge_(metrics.gauge(
          "doorbuster_gateway_limits_forgotten",
          "Buckets replaced for want of room before they were whole again."
      )) {
    for (std::size_t index = 0; index < checks_.size(); ++index) {
        const auto counter = [&](const char* outcome) {
            return &metrics.counter(
                "doorbuster_gateway_limit_checks_total",
                "Requests counted against a limit.",
                {{"limit", std::string(limit_names[index])}, {"outcome", outcome}}
            );
        };
        checks_[index] = {counter("granted"), counter("refused")};
    }
    shared_gauge_.Set(1);
}

void RateLimiter::Core::start() {
    redis_.start();
    net::asio::co_spawn(executor_, keep_sharing(shared_from_this()), net::asio::detached);
}

void RateLimiter::Core::shut_down() {
    stopped_ = true;
    redis_.stop();
    changed_.notify();
    ending_.notify();
}

Allowance RateLimiter::Core::take(const LimitKey& key) {
    const auto taken = table.take(key, net::steady_now_us());
    const Checks& checks = checks_[static_cast<std::size_t>(key.limit)];
    (taken.allowance.is_granted ? checks.granted : checks.refused)->Increment();
    if (!taken.should_tell) return taken.allowance;
    if (waiting_.size() < settings_.waiting_max) {
        waiting_.push_back(key);
        if (waiting_.size() == 1) changed_.notify();
    } else {
        // Its next request asks again.
        table.untell(key, table.tell(key));
        untold_.Increment();
    }
    return taken.allowance;
}

Allowance RateLimiter::Core::look(const LimitKey& key) {
    const Allowance allowance = table.look(key, net::steady_now_us());
    if (!allowance.is_granted) checks_[static_cast<std::size_t>(key.limit)].refused->Increment();
    return allowance;
}

net::awaitable<void> RateLimiter::Core::keep_sharing(std::shared_ptr<Core> self) {
    const milliseconds interval(self->settings_.interval_ms);
    while (!self->stopped_) {
        if (self->waiting_.empty()) {
            co_await self->changed_.wait();
            continue;
        }
        const auto next = net::deadline_in(interval);
        co_await self->share_batch();
        if (self->stopped_) break;
        co_await self->ending_.wait_until(next);
    }
}

net::awaitable<void> RateLimiter::Core::share_batch() {
    const std::vector<Told> batch = next_batch();
    if (batch.empty()) co_return;
    std::vector<std::string> keys;
    std::vector<std::string> arguments;
    for (const Told& told : batch) {
        const std::int64_t cost_us = table.quota(told.key.limit).cost_us();
        const std::int64_t most = table.quota(told.key.limit).requests * debt_quotas_max;
        keys.push_back(redis_key(told.key));
        arguments.push_back(std::to_string(told.requests * cost_us));
        arguments.push_back(std::to_string(most * cost_us));
    }
    std::string failure;
    try {
        const redis::Reply reply = co_await redis_.eval(
            add_script,
            std::move(keys),
            std::move(arguments),
            net::deadline_in(milliseconds(settings_.timeout_ms))
        );
        if (stopped_) co_return;
        if (learn(batch, reply)) {
            told_.Increment(static_cast<double>(batch.size()));
        } else {
            failure = reply.text;
            give_back(batch);
        }
    } catch (const redis::Error& error) {
        if (stopped_) co_return;
        failure = error.what();
        // What may have arrived is not told again: nobody is to pay twice.
        if (error.effect() == redis::Error::Effect::none) give_back(batch);
    }
    note_shared(failure.empty(), failure);
    forgotten_gauge_.Set(static_cast<double>(table.forgotten()));
}

std::vector<RateLimiter::Core::Told> RateLimiter::Core::next_batch() {
    std::vector<Told> batch;
    while (!waiting_.empty() && batch.size() < settings_.batch_max) {
        const LimitKey key = waiting_.front();
        waiting_.pop_front();
        const std::int64_t requests = table.tell(key);
        if (requests > 0) batch.push_back({key, requests});
    }
    return batch;
}

bool RateLimiter::Core::learn(const std::vector<Told>& batch, const redis::Reply& reply) {
    if (reply.elements.size() != batch.size()) return false;
    const std::int64_t now = net::steady_now_us();
    for (std::size_t index = 0; index < batch.size(); ++index) {
        table.learn(batch[index].key, reply.elements[index].integer, now);
    }
    return true;
}

void RateLimiter::Core::give_back(const std::vector<Told>& batch) {
    for (const Told& told : batch) table.untell(told.key, told.requests);
    untold_.Increment(static_cast<double>(batch.size()));
}

void RateLimiter::Core::note_shared(bool is_shared, const std::string& why) {
    if (is_shared == is_shared_) return;
    is_shared_ = is_shared;
    shared_gauge_.Set(is_shared ? 1 : 0);
    if (is_shared) {
        logging::info("rate limits are shared again");
    } else {
        logging::warning("rate limits are this pod's own", {{"why", why}});
    }
}

RateLimiter::RateLimiter(
    net::Executor executor, metrics::Registry& metrics, RateLimiterSettings settings
)
    : core_(std::make_shared<Core>(executor, metrics, settings)) {}

RateLimiter::~RateLimiter() {
    core_->shut_down();
}

void RateLimiter::start() {
    core_->start();
}

const Quota& RateLimiter::quota(Limit limit) const {
    return core_->table.quota(limit);
}

Allowance RateLimiter::take(const LimitKey& key) {
    return core_->take(key);
}

Allowance RateLimiter::look(const LimitKey& key) {
    return core_->look(key);
}

}  // namespace gateway
