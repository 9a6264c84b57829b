#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "crowd/exchange_log.hpp"
#include "crowd/histogram.hpp"
#include "net/net.hpp"

namespace crowd {

using Counts = std::map<std::string, std::uint64_t, std::less<>>;

/// Everything that a run counts. Times are from its start (the first moment a buyer may arrive).
struct Tally {
    /// By kind of request: answers by name ("created", "replayed", "sold_out", "timed_out", ...).
    std::array<Counts, 3> answers;
    /// What became of each purchase in the end ("bought", "sold_out", "gave_up_busy", ...).
    Counts fates;

    std::uint64_t arrivals = 0;
    std::uint64_t arrivals_dropped = 0;  ///< no room among those who wait for a connection
    std::uint64_t arrivals_left = 0;     ///< lost patience before a connection came free
    std::uint64_t purchases = 0;         ///< distinct purchases that were acknowledged
    std::uint64_t units = 0;
    std::uint64_t exchanges = 0;   ///< sent
    std::uint64_t unanswered = 0;  ///< of those
    std::uint64_t never_sent = 0;  ///< for want of a connection
    std::uint64_t timeouts = 0;
    std::uint64_t retries = 0;
    std::uint64_t stale_resends = 0;
    std::uint64_t duplicates = 0;
    /// One key, two different orders, or an order and a refusal for good: never acceptable.
    std::uint64_t contradictions = 0;
    std::uint64_t unfinished = 0;  ///< purchases still under way when the time was up

    Histogram purchase;      ///< an answer that acknowledges an order
    Histogram until_bought;  ///< from arrival to acknowledgement, retries and waits included
    Histogram refusal;       ///< 4xx
    Histogram not_served;    ///< 429, 5xx
    Histogram pay;
    Histogram cancel;
    Histogram loop_lag;
    Histogram queue_delay;  ///< open: from the scheduled arrival to a free connection
    Histogram last_second;  ///< purchases' answers, for the progress line

    std::vector<std::uint32_t> purchases_by_second;
    net::Deadline first_sent{};
    net::Deadline first_purchase{};
    net::Deadline last_purchase{};
    net::Deadline first_sold_out{};
    /// The rush: until the first refusal for lack of units.
    net::Deadline rush_ended{};
    std::uint64_t rush_purchases = 0;
    std::chrono::microseconds longest_gap{};
    net::Deadline longest_gap_began{};

    void count(Kind kind, std::string_view answer);
    void purchased(net::Deadline start, net::Deadline now, std::int64_t quantity);
};

/// Adds one to a name's count.
void increase(Counts& counts, std::string_view name);

}  // namespace crowd
