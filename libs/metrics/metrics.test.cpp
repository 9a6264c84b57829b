#include "metrics/metrics.hpp"

#include <algorithm>
#include <fcntl.h>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/timestamp.hpp"

namespace {

/// The value of the line that starts with `name` (labels included) and a space.
std::optional<double> value_of(const std::string& text, const std::string& name) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(name + " ")) return std::stod(line.substr(name.size() + 1));
    }
    return std::nullopt;
}

TEST(Metrics, SameNameAndLabelsAreTheSameMetric) {
    metrics::Registry registry;
    auto& first = registry.counter("doorbuster_orders_total", "Orders.", {{"outcome", "bought"}});
    auto& again = registry.counter("doorbuster_orders_total", "Orders.", {{"outcome", "bought"}});
    auto& other = registry.counter("doorbuster_orders_total", "Orders.", {{"outcome", "paused"}});
    EXPECT_EQ(&first, &again);
    EXPECT_NE(&first, &other);
    first.Increment(2);
    other.Increment();
    const std::string text = registry.text();
    EXPECT_EQ(value_of(text, "doorbuster_orders_total{outcome=\"bought\"}"), 2);
    EXPECT_EQ(value_of(text, "doorbuster_orders_total{outcome=\"paused\"}"), 1);
    EXPECT_NE(text.find("# TYPE doorbuster_orders_total counter"), std::string::npos);
}

TEST(Metrics, WritesGaugesAndHistograms) {
    metrics::Registry registry;
    registry.gauge("doorbuster_queue_length", "Waiting.").Set(7);
    auto& seconds = registry.histogram(
        "doorbuster_request_seconds", "Time taken.", metrics::request_seconds_bounds()
    );
    seconds.Observe(0.003);
    seconds.Observe(100);
    const std::string text = registry.text();
    EXPECT_EQ(value_of(text, "doorbuster_queue_length"), 7);
    EXPECT_EQ(value_of(text, "doorbuster_request_seconds_bucket{le=\"0.0025\"}"), 0);
    EXPECT_EQ(value_of(text, "doorbuster_request_seconds_bucket{le=\"0.005\"}"), 1);
    EXPECT_EQ(value_of(text, "doorbuster_request_seconds_bucket{le=\"+Inf\"}"), 2);
    EXPECT_EQ(value_of(text, "doorbuster_request_seconds_count"), 2);
}

TEST(Metrics, RefusesABadNameAndASecondKind) {
    metrics::Registry registry;
    EXPECT_THROW(registry.counter("no spaces", "Bad."), std::invalid_argument);
    registry.counter("doorbuster_twice", "A counter.");
    EXPECT_THROW(registry.gauge("doorbuster_twice", "A gauge."), std::invalid_argument);
}

TEST(Metrics, ReportsTheProcess) {
    metrics::Registry registry;
    const std::string before = registry.text();
    const int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ASSERT_GE(file, 0);
    const std::string after = registry.text();
    close(file);
    EXPECT_EQ(
        value_of(after, "process_open_fds").value_or(0),
        value_of(before, "process_open_fds").value_or(0) + 1
    );
    EXPECT_GT(value_of(after, "process_resident_memory_bytes").value_or(0), 1e6);
    EXPECT_GT(value_of(after, "process_cpu_seconds_total").value_or(0), 0);
    const double now = static_cast<double>(base::unix_now_ms()) / 1000;
    const double started = value_of(after, "process_start_time_seconds").value_or(0);
    EXPECT_LT(started, now + 5);
    EXPECT_GT(started, now - 600);
}

TEST(Metrics, BoundsAscend) {
    const auto& bounds = metrics::request_seconds_bounds();
    EXPECT_TRUE(std::is_sorted(bounds.begin(), bounds.end()));
    EXPECT_EQ(bounds.front(), 0.0005);
    EXPECT_EQ(bounds.back(), 10);
}

}  // namespace
