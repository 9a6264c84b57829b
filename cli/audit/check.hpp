#pragma once

#include <span>
#include <string_view>

#include "cli/audit/findings.hpp"
#include "cli/audit/snapshot.hpp"

namespace cli {

/// A query that returns (example, how many in all) for what breaks an invariant; no row: it holds.
struct Check {
    int invariant;
    std::string_view description;
    postgres::Statement statement;
};

/// Adds what they find. `what` is told with the progress.
net::awaitable<void> run_checks(
    Snapshot& snapshot,
    std::span<const Check> checks,
    Findings& findings,
    const AuditProgress& progress,
    std::string_view what
);

}  // namespace cli
