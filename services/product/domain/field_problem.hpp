#pragma once

#include <string>

namespace product {

/// A field that the caller must change, and how.
struct FieldProblem {
    std::string field;  ///< "lines[0].quantity"
    std::string detail;
};

}  // namespace product
