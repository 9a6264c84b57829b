#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

namespace prometheus {
class Registry;
}

namespace metrics {

using Labels = std::map<std::string, std::string>;

/// The process's metrics. Counters, gauges and histograms live as long as the registry; asking
/// twice for the same name and labels returns the same object. Look them up at start-up and keep
/// the reference: a look-up takes a lock, an increment does not.
/// Names follow Prometheus practice: doorbuster_<what>_<unit>[_total].
class Registry {
  public:
    Registry();
    ~Registry();
    Registry(const Registry&) = delete;
    Registry& operator=(const Registry&) = delete;

    prometheus::Counter& counter(
        const std::string& name, const std::string& help, const Labels& labels = {}
    );
    prometheus::Gauge& gauge(
        const std::string& name, const std::string& help, const Labels& labels = {}
    );
    /// `bounds`: upper bounds of the buckets, ascending, in the metric's unit.
    prometheus::Histogram& histogram(
        const std::string& name,
        const std::string& help,
        const std::vector<double>& bounds,
        const Labels& labels = {}
    );

    /// All metrics in the Prometheus text format, with process_resident_memory_bytes,
    /// process_cpu_seconds_total, process_open_fds and process_start_time_seconds.
    std::string text() const;

  private:
    std::shared_ptr<prometheus::Registry> registry_;
};

/// Bounds in seconds for request times: 0.5 ms to 10 s.
const std::vector<double>& request_seconds_bounds();

}  // namespace metrics
