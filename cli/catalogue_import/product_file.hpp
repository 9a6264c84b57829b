#pragma once

#include <cstdint>
#include <functional>
#include <istream>
#include <string>
#include <vector>

#include "product/domain/catalogue.hpp"

namespace cli {

struct ImportRow {
    std::int64_t line = 0;
    /// What the row is known by in later imports: its `key`, or a digest of what it says.
    std::string key;
    product::NewProduct product;
};

struct ImportProblem {
    std::int64_t line = 0;
    std::string field;  ///< may be empty
    std::string what;
};

struct ProductFile {
    std::vector<ImportRow> rows;
    std::vector<ImportProblem> problems;  ///< in the file's order
};

/// Told now and then how many lines were read.
using LineProgress = std::function<void(std::int64_t lines)>;

/// Reads the whole file and finds everything that is wrong with it, by the rules that the room
/// product itself has. The first line names the columns, in any order: name, category, price_cents
/// and currency; description, image, initial_stock and key may be left out.
ProductFile read_product_file(std::istream& input, const LineProgress& progress);

}  // namespace cli
