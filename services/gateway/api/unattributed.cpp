#include "gateway/api/unattributed.hpp"

#include <chrono>

#include "logging/logging.hpp"

namespace gateway {

namespace {

constexpr std::chrono::minutes warning_interval(1);

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
    if (sender.attribution == Attribution::client) return;
    const auto index = static_cast<std::size_t>(sender.attribution);
    Why& why = whys_[index];
    why.requests->Increment();
    ++why.since_warning;
    const auto now = net::SteadyClock::now();
    if (now < why.next_warning) return;
    why.next_warning = now + warning_interval;
    logging::warning(
        words[index].warning, {{"address", sender.client}, {"requests", why.since_warning}}
    );
    why.since_warning = 0;
}

}  // namespace gateway
