#pragma once

#include "cli/audit/audit.hpp"
#include "cli/audit/findings.hpp"

namespace cli {

/// The invariants that the database alone can prove: 1, 4, 7, 8, 9. Fills the report's counts of
/// sales, orders and batches.
net::awaitable<void> check_database(
    postgres::Pool& pool, AuditReport& report, Findings& findings, const AuditProgress& progress
);

}  // namespace cli
