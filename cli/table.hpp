#pragma once

#include <string>
#include <vector>

namespace cli {

/// Columns aligned for a person; the first row is the heading. Numbers align to the right.
std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace cli
