#include "gateway/api/unattributed.hpp"

#include <chrono>

#include "logging/logging.hpp"

namespace gateway {

namespace {

constexpr std::chrono::minutes look_interval(1);
/// One request in so many is worth a warning. The same in preflight (judge_addresses).
constexpr std::int64_t worth_one_in = 20;

struct Words {
    const char* label;
    const char* warning;
};

/// By Attribution.
constexpr std::array<Words, 4> words{
    {{nullptr, nullptr},
     {"proxies_only",
      "only trusted proxies' addresses are told: nobody is limited by address. Let the load "
      "balancer keep its clients' addresses"},
     {"proxy_alone",
      "a trusted proxy says nothing of its clients: they are not limited by address. Let it send "
      "X-Forwarded-For, unless it is no proxy"},
     {"proxy_unknown",
      "X-Forwarded-For of an address that is not trusted: if that is a proxy, all of its clients "
      "are limited as one. Name it in TRUSTED_PROXIES"}}
};

}  // namespace

Unattributed::Unattributed(metrics::Registry& metrics) {
    for (std::size_t index = 0; index < whys_.size(); ++index) {
        if (!words[index].label) continue;
        whys_[index].requests = &metrics.counter(
            "doorbuster_gateway_unattributed_requests_total",
            "Requests to be limited by an address that is not, or may not be, their client's.",
            {{"why", words[index].label}}
        );
    }
}

void Unattributed::note(const Sender& sender) {
    ++all_;
    if (sender.attribution == Attribution::client) return;
    const auto index = static_cast<std::size_t>(sender.attribution);
    Why& why = whys_[index];
    why.requests->Increment();
    ++why.requests_since;
    const auto now = net::SteadyClock::now();
    if (now < why.next_look) return;
    const std::int64_t all_since = all_ - why.all_before;
    if (why.requests_since * worth_one_in >= all_since) {
        logging::warning(
            words[index].warning,
            {{"address", sender.client}, {"requests", why.requests_since}, {"of", all_since}}
        );
    }
    why.next_look = now + look_interval;
    why.requests_since = 0;
    why.all_before = all_;
}

}  // namespace gateway
