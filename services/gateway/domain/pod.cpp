#include "gateway/domain/pod.hpp"

namespace gateway {

namespace {

bool is_available(const Pod& pod, std::int64_t now_ms) {
    return !pod.suspect || (!pod.probing && now_ms >= pod.aside_until_ms);
}

}  // namespace

std::optional<std::size_t> choose_pod(
    std::span<const Pod* const> pods,
    const Pod* excluded,
    std::size_t last_choice,
    std::int64_t now_ms
) {
    std::optional<std::size_t> best;
    bool best_available = false;
    for (std::size_t step = 1; step <= pods.size(); ++step) {
        const std::size_t index = (last_choice + step) % pods.size();
        const Pod& pod = *pods[index];
        if (&pod == excluded) continue;
        const bool available = is_available(pod, now_ms);
        const bool better = !best || (available && !best_available) ||
                            (available == best_available && pod.under_way < pods[*best]->under_way);
        if (!better) continue;
        best = index;
        best_available = available;
    }
    return best;
}

bool begin_attempt(Pod& pod) {
    ++pod.under_way;
    if (!pod.suspect || pod.probing) return false;
    pod.probing = true;
    return true;
}

void end_attempt(
    Pod& pod, bool is_probe, AttemptEnd end, std::int64_t now_ms, std::int64_t ejection_ms
) {
    --pod.under_way;
    if (is_probe) pod.probing = false;
    if (end == AttemptEnd::answered) {
        pod.suspect = false;
    } else if (end == AttemptEnd::unreachable) {
        pod.suspect = true;
        pod.aside_until_ms = now_ms + ejection_ms;
    }
}

}  // namespace gateway
