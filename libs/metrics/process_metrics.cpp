#include "metrics/process_metrics.hpp"

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>

namespace metrics {

namespace {

std::optional<double> resident_bytes() {
    std::ifstream file("/proc/self/statm");
    double total_pages = 0;
    double resident_pages = 0;
    if (!(file >> total_pages >> resident_pages)) return std::nullopt;
    return resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::optional<double> open_fds() {
    std::error_code code;
    std::filesystem::directory_iterator entry("/proc/self/fd", code);
    if (code) return std::nullopt;
    double count = 0;
    while (entry != std::filesystem::directory_iterator()) {
        ++count;
        entry.increment(code);
        if (code) return std::nullopt;
    }
    return count - 1;  // the descriptor of this very listing
}

std::optional<double> boot_unix_seconds() {
    std::ifstream file("/proc/stat");
    std::string word;
    while (file >> word) {
        double seconds = 0;
        if (word == "btime" && file >> seconds) return seconds;
    }
    return std::nullopt;
}

std::optional<double> start_unix_seconds() {
    std::ifstream file("/proc/self/stat");
    std::string line;
    const std::optional<double> boot = boot_unix_seconds();
    if (!std::getline(file, line) || !boot) return std::nullopt;
    // The second field is the program's name and may hold spaces: start after its bracket.
    const std::size_t name_end = line.rfind(')');
    if (name_end == std::string::npos) return std::nullopt;
    std::istringstream fields(line.substr(name_end + 1));
    std::string skipped;
    for (int field = 3; field < 22; ++field) fields >> skipped;
    double ticks_after_boot = 0;
    if (!(fields >> ticks_after_boot)) return std::nullopt;
    return *boot + ticks_after_boot / static_cast<double>(sysconf(_SC_CLK_TCK));
}

prometheus::MetricFamily gauge(const char* name, const char* help, double value) {
    prometheus::ClientMetric metric;
    metric.gauge.value = value;
    return {name, help, prometheus::MetricType::Gauge, {metric}};
}

prometheus::MetricFamily counter(const char* name, const char* help, double value) {
    prometheus::ClientMetric metric;
    metric.counter.value = value;
    return {name, help, prometheus::MetricType::Counter, {metric}};
}

}  // namespace

std::vector<prometheus::MetricFamily> process_metrics() {
    static const std::optional<double> started = start_unix_seconds();
    std::vector<prometheus::MetricFamily> families;
    families.push_back(
        counter("process_cpu_seconds_total", "User and system CPU time spent.", cpu_seconds())
    );
    if (const auto bytes = resident_bytes()) {
        families.push_back(gauge("process_resident_memory_bytes", "Memory resident in RAM.", *bytes)
        );
    }
    if (const auto count = open_fds()) {
        families.push_back(gauge("process_open_fds", "Open file descriptors.", *count));
    }
    if (started) {
        families.push_back(
            gauge("process_start_time_seconds", "Start of the process, unix time.", *started)
        );
    }
    return families;
}

}  // namespace metrics
