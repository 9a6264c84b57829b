#include "cli/audit/findings.hpp"

namespace cli {

void Findings::add(int invariant, const std::string& description, std::string example) {
    AuditFinding& finding = found_[{invariant, description}];
    finding.invariant = invariant;
    finding.description = description;
    ++finding.count;
    if (finding.examples.size() < examples_max) finding.examples.push_back(std::move(example));
}

void Findings::add(
    int invariant,
    const std::string& description,
    std::int64_t count,
    std::vector<std::string> examples
) {
    AuditFinding& finding = found_[{invariant, description}];
    finding.invariant = invariant;
    finding.description = description;
    finding.count += count;
    for (std::string& example : examples) {
        if (finding.examples.size() == examples_max) break;
        finding.examples.push_back(std::move(example));
    }
}

std::vector<AuditFinding> Findings::take() {
    std::vector<AuditFinding> all;
    for (auto& entry : found_) all.push_back(std::move(entry.second));
    found_.clear();
    return all;
}

}  // namespace cli
