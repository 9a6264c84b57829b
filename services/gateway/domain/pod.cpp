#include "gateway/domain/pod.hpp"

#include <algorithm>

namespace gateway {

namespace {

bool is_available(const Pod& pod, std::int64_t now_ms) {
    return !pod.suspect || (!pod.probing && now_ms >= pod.aside_until_ms);
}

bool may_put_silent_aside(std::span<const Pod* const> pods, const EjectionLimits& limits) {
    const auto aside = std::ranges::count_if(pods, [](const Pod* pod) { return pod->suspect; });
    const auto share = static_cast<std::int64_t>(pods.size()) * limits.silent_percent_max / 100;
    return aside < std::max<std::int64_t>(share, 1);
}

void put_aside(Pod& pod, std::int64_t now_ms, const EjectionLimits& limits) {
    if (!pod.suspect && now_ms - pod.good_since_ms >= limits.most_ms) pod.times_aside = 0;
    std::int64_t time_ms = limits.first_ms;
    for (int time = 0; time < pod.times_aside && time_ms < limits.most_ms; ++time) time_ms *= 2;
    ++pod.times_aside;
    pod.suspect = true;
    pod.aside_until_ms = now_ms + std::min(time_ms, std::max(limits.most_ms, limits.first_ms));
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
    Pod& pod,
    bool is_probe,
    AttemptEnd end,
    std::int64_t now_ms,
    const EjectionLimits& limits,
    std::span<const Pod* const> pods
) {
    --pod.under_way;
    if (is_probe) pod.probing = false;
    if (end == AttemptEnd::other) return;
    if (end == AttemptEnd::answered) {
        if (pod.suspect) pod.good_since_ms = now_ms;
        pod.suspect = false;
        return;
    }
    // What was under way when it was put aside fails too, and says nothing new.
    if (pod.suspect && !is_probe) return;
    const bool is_first = !pod.suspect;
    if (is_first && end == AttemptEnd::silent && !may_put_silent_aside(pods, limits)) return;
    put_aside(pod, now_ms, limits);
}

}  // namespace gateway
