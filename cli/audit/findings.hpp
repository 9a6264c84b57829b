#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "cli/audit/audit.hpp"

namespace cli {

/// Gathers what is found: counts everything, keeps a few examples of each kind.
class Findings {
  public:
    static constexpr std::size_t examples_max = 5;

    void add(int invariant, const std::string& description, std::string example);
    void add(
        int invariant,
        const std::string& description,
        std::int64_t count,
        std::vector<std::string> examples
    );

    /// By invariant, then description.
    std::vector<AuditFinding> take();

  private:
    std::map<std::pair<int, std::string>, AuditFinding> found_;
};

}  // namespace cli
