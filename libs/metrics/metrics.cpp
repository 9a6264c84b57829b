#include "metrics/metrics.hpp"

#include <iterator>
#include <utility>

#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "metrics/process_metrics.hpp"

namespace metrics {

Registry::Registry() : registry_(std::make_shared<prometheus::Registry>()) {}

Registry::~Registry() = default;

prometheus::Counter& Registry::counter(
    const std::string& name, const std::string& help, const Labels& labels
) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(*registry_).Add(labels);
}

prometheus::Gauge& Registry::gauge(
    const std::string& name, const std::string& help, const Labels& labels
) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(*registry_).Add(labels);
}

prometheus::Histogram& Registry::histogram(
    const std::string& name,
    const std::string& help,
    const std::vector<double>& bounds,
    const Labels& labels
) {
    auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(*registry_);
    return family.Add(labels, bounds);
}

std::string Registry::text() const {
    std::vector<prometheus::MetricFamily> families = registry_->Collect();
    std::vector<prometheus::MetricFamily> process = process_metrics();
    families.insert(
        families.end(),
        std::make_move_iterator(process.begin()),
        std::make_move_iterator(process.end())
    );
    return prometheus::TextSerializer().Serialize(families);
}

const std::vector<double>& request_seconds_bounds() {
    static const std::vector<double> bounds = {
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10
    };
    return bounds;
}

}  // namespace metrics
