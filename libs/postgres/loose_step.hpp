#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace postgres {

/// A statement that can't run inside a transaction.
struct LooseStatement {
    enum class Kind { create_index, drop_index, call };
    Kind kind = Kind::call;
    std::string sql;
    std::string index;  ///< of create_index: its name, without a schema
};

/// Whether a step's first line is `-- no-transaction`.
bool is_loose_step(std::string_view sql);

/// The statements of such a step (migrate.hpp says which there may be). Each ends with a semicolon
/// at the end of a line; lines that begin with -- are comments. Throws std::runtime_error.
std::vector<LooseStatement> loose_statements(std::string_view sql);

}  // namespace postgres
