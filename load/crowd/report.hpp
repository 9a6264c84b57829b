#pragma once

#include <cstdint>
#include <string>

#include "crowd/options.hpp"
#include "crowd/tally.hpp"

namespace crowd {

/// A run as it is written down.
struct RunRecord {
    Tally tally;
    std::int64_t started_unix_ms = 0;
    net::Deadline started{};
    net::Deadline arrivals_ended{};
    net::Deadline ended{};
    std::string ended_by;  ///< "customers", "sold_out", "duration", "signal", "stop_file"
    double cpu_user_s = 0;
    double cpu_system_s = 0;
    std::uint64_t connects = 0;
    std::uint64_t connect_failures = 0;
};

/// The JSON report, one document with a final newline.
std::string to_json(const RunRecord& run, const Options& options);

/// The same for a person, a few lines.
std::string summary(const RunRecord& run);

}  // namespace crowd
