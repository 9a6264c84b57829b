#pragma once

#include <string_view>

namespace postgres {

/// A named constant beside the store that uses it: prepared once per connection under `name`,
/// which is also its metric label. Names are unique in a program.
struct Statement {
    std::string_view name;
    std::string_view sql;
};

}  // namespace postgres
