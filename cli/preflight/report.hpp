#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/preflight/finding.hpp"

namespace cli::preflight {

struct Report {
    std::vector<Finding> findings;
    std::int64_t took_ms = 0;

    /// The worst of all findings.
    Verdict verdict() const;
    std::size_t count(Verdict verdict) const;
};

std::string_view to_string(Verdict verdict);

/// A table for a person, and below it what to do about each row that is not ok.
std::string to_table(const Report& report);
/// One JSON object.
std::string to_json(const Report& report);

}  // namespace cli::preflight
