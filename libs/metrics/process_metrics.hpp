#pragma once

#include <vector>

#include <prometheus/metric_family.h>

namespace metrics {

/// This process as the kernel sees it (Prometheus' standard process_* names). What can't be read
/// (no /proc) is left out.
std::vector<prometheus::MetricFamily> process_metrics();

}  // namespace metrics
