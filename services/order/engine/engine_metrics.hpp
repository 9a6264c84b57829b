#pragma once

#include "metrics/metrics.hpp"

namespace order {

/// What the engines of a pod count, together.
struct EngineMetrics {
    explicit EngineMetrics(metrics::Registry& registry);

    prometheus::Counter& batches_with_lease;
    prometheus::Counter& batches_without_lease;
    prometheus::Counter& batches_forwarded;
    prometheus::Counter& batches_fenced;
    prometheus::Counter& batches_unknown;
    prometheus::Counter& takes_bought;
    prometheus::Counter& takes_refused_by_snapshot;
    prometheus::Counter& takes_turned_away;
    prometheus::Histogram& batch_takes;
    prometheus::Histogram& batch_seconds;
};

}  // namespace order
