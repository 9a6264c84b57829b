#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/net.hpp"
#include "postgres/pool.hpp"

namespace cli {

/// One way in which an invariant of docs (1 to 9) is broken.
struct AuditFinding {
    int invariant = 0;
    std::string description;
    std::int64_t count = 0;
    std::vector<std::string> examples;  ///< a few, for a person to look up
};

/// A check that could not be made, and why.
struct AuditSkip {
    int invariant = 0;
    std::string why;
};

struct AuditReport {
    std::int64_t sales = 0;
    std::int64_t orders = 0;
    std::int64_t batches = 0;
    std::int64_t exchanges = 0;  ///< lines of the crowd's log
    std::vector<AuditFinding> findings;
    std::vector<AuditSkip> skipped;

    bool holds() const { return findings.empty(); }
};

/// Told now and then what is being looked at and how far it is.
using AuditProgress =
    std::function<void(std::string_view what, std::int64_t done, std::int64_t total)>;

/// Checks what must always hold: from the database alone, and against the crowd's log if there is
/// one (tab-separated, a heading, one line per exchange). `pool` is a login that may read the
/// schemas `orders` and, where they exist, `product` and `sandbox`: the role `auditor`. Reads only,
/// in short REPEATABLE READ snapshots, so it may run beside a sale; the log must be that of a crowd
/// that has ended. Throws postgres::Error, and std::runtime_error for a log that can't be read.
net::awaitable<AuditReport> audit(
    postgres::Pool& pool, std::optional<std::filesystem::path> log, AuditProgress progress
);

/// A table for a person.
std::string to_table(const AuditReport& report);
/// One JSON object.
std::string to_json(const AuditReport& report);

}  // namespace cli
