#pragma once

#include <string>
#include <vector>

#include "cli/preflight/finding.hpp"

namespace cli::preflight {

/// From when on a median or a single time is a warning, or a failure.
struct LatencyLimits {
    double median_warning_ms = 0;
    double median_failed_ms = 0;
    double worst_warning_ms = 0;
    double worst_failed_ms = 0;
};

double median(std::vector<double> values);
double worst(const std::vector<double>& values);

/// `what`: "commits"; `fix` is shown unless all is well.
Judgement judge_latency(
    const std::string& what,
    const std::vector<double>& times_ms,
    const LatencyLimits& limits,
    const std::string& fix
);

}  // namespace cli::preflight
