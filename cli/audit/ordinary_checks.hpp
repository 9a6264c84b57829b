#pragma once

#include <span>

#include "cli/audit/check.hpp"

namespace cli {

/// What must hold of ordinary orders, from order's tables alone (invariants 7 and 9).
std::span<const Check> ordinary_checks();

/// What must hold between orders and product's book (invariants 7 and 8). Both rooms' tables are
/// read in one snapshot: what is true in every order of events is what is asked.
std::span<const Check> ordinary_stock_checks();

}  // namespace cli
