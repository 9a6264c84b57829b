#include "cli/audit/check.hpp"

namespace cli {

net::awaitable<void> run_checks(
    Snapshot& snapshot,
    std::span<const Check> checks,
    Findings& findings,
    const AuditProgress& progress,
    std::string_view what
) {
    const postgres::Parameters none;
    std::int64_t done = 0;
    for (const Check& check : checks) {
        progress(what, done++, static_cast<std::int64_t>(checks.size()));
        const postgres::Result result = co_await snapshot.query(check.statement, none);
        if (result.empty()) continue;
        std::vector<std::string> examples;
        for (std::size_t row = 0; row < result.rows(); ++row) {
            examples.emplace_back(result.text(row, 0));
        }
        findings.add(
            check.invariant,
            std::string(check.description),
            result.integer(0, 1),
            std::move(examples)
        );
    }
}

}  // namespace cli
