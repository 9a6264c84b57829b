#include "cli/preflight/latency.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace cli::preflight {

double median(std::vector<double> values) {
    if (values.empty()) return 0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

double worst(const std::vector<double>& values) {
    return values.empty() ? 0 : *std::ranges::max_element(values);
}

Judgement judge_latency(
    const std::string& what,
    const std::vector<double>& times_ms,
    const LatencyLimits& limits,
    const std::string& fix
) {
    if (times_ms.empty()) return failed("nothing was measured", fix);
    const double middle = median(times_ms);
    const double longest = worst(times_ms);
    std::string found = fmt::format(
        "{} {}: median {:.1f} ms, worst {:.1f} ms", times_ms.size(), what, middle, longest
    );
    if (middle >= limits.median_failed_ms || longest >= limits.worst_failed_ms) {
        return failed(std::move(found), fix);
    }
    if (middle >= limits.median_warning_ms || longest >= limits.worst_warning_ms) {
        return warning(std::move(found), fix);
    }
    return ok(std::move(found));
}

}  // namespace cli::preflight
