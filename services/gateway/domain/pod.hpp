#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace gateway {

/// What the gateway knows of one pod of a room. A pod that could not be reached, or did not answer
/// in time, is put aside; afterwards one request at a time probes it until one is answered.
struct Pod {
    std::size_t under_way = 0;
    bool suspect = false;
    bool probing = false;
    std::int64_t aside_until_ms = 0;
    int times_aside = 0;  ///< in a row; each is twice as long as the one before
    std::int64_t good_since_ms = 0;
};

struct EjectionLimits {
    std::int64_t first_ms = 1000;
    std::int64_t most_ms = 5000;
    /// Of a room's pods (at least one). Only for silent ones: where most fall silent at once the
    /// cause is behind them, and to send everything to the last one would silence that too. A pod
    /// that refuses connections is gone and serves nobody by being asked.
    std::int64_t silent_percent_max = 50;
};

enum class AttemptEnd {
    answered,  ///< with any status: 503 is an answer
    refused,   ///< no connection
    silent,    ///< no answer within the time every attempt is given
    other      ///< says nothing about the pod (the caller's own deadline, a broken connection)
};

/// The pod with the fewest requests under way; among equals the next after the last choice. Pods
/// that are put aside are chosen only if no other is left. nullopt if `excluded` is the only one.
std::optional<std::size_t> choose_pod(
    std::span<const Pod* const> pods,
    const Pod* excluded,
    std::size_t last_choice,
    std::int64_t now_ms
);

/// Returns whether this attempt is a probe, which end_attempt must be told.
bool begin_attempt(Pod& pod);
/// `pods`: all of the room, `pod` perhaps among them. One failure puts a pod aside: it has cost a
/// buyer the whole time of an attempt, and a probe soon tells if it was a mistake.
void end_attempt(
    Pod& pod,
    bool is_probe,
    AttemptEnd end,
    std::int64_t now_ms,
    const EjectionLimits& limits,
    std::span<const Pod* const> pods
);

}  // namespace gateway
