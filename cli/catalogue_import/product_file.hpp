#pragma once

#include <cstdint>
#include <functional>
#include <istream>
#include <string>
#include <vector>

#include "cli/catalogue_import/import_problems.hpp"
#include "product/domain/catalogue.hpp"

namespace cli {

struct ImportRow {
    std::int64_t line = 0;
    /// What the row is known by in later imports: its `key`, or a digest of what it says.
    std::string key;
    product::NewProduct product;
};

struct ProductFile {
    std::vector<ImportRow> rows;
    ImportProblems problems;
};

/// Told now and then how many lines were read.
using LineProgress = std::function<void(std::int64_t lines)>;

/// Reads the whole file and finds everything that is wrong with it, by the rules that the room
/// product itself has; at most 1,000,000 rows, good and bad, as what is known of them is kept. The
/// first line names the columns, in any order: name, category, price_cents and currency;
/// description, image, initial_stock and key may be left out.
ProductFile read_product_file(std::istream& input, const LineProgress& progress);

}  // namespace cli
