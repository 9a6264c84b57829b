#include "postgres/loose_step.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>

#include <fmt/format.h>

namespace postgres {
namespace {

constexpr std::string_view mark = "-- no-transaction";
constexpr std::string_view create_index = "CREATE INDEX CONCURRENTLY ";
constexpr std::string_view create_unique_index = "CREATE UNIQUE INDEX CONCURRENTLY ";
constexpr std::string_view drop_index = "DROP INDEX CONCURRENTLY IF EXISTS ";
constexpr std::string_view call = "CALL ";

std::string_view without_end(std::string_view line) {
    while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
    return line;
}

std::string_view take_line(std::string_view& text) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = without_end(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

/// The name between the beginning and " ON"; empty unless it is a plain one.
std::string index_of(std::string_view sql, std::string_view beginning) {
    sql.remove_prefix(beginning.size());
    const auto end = sql.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_");
    if (end == std::string_view::npos || !sql.substr(end).starts_with(" ON ")) return {};
    return std::string(sql.substr(0, end));
}

std::optional<LooseStatement> read_statement(std::string sql) {
    using Kind = LooseStatement::Kind;
    if (sql.starts_with(call)) return LooseStatement{Kind::call, std::move(sql), {}};
    if (sql.starts_with(drop_index)) return LooseStatement{Kind::drop_index, std::move(sql), {}};
    for (const auto beginning : {create_index, create_unique_index}) {
        if (!sql.starts_with(beginning)) continue;
        std::string index = index_of(sql, beginning);
        if (index.empty()) return std::nullopt;
        return LooseStatement{Kind::create_index, std::move(sql), std::move(index)};
    }
    return std::nullopt;
}

}  // namespace

bool is_loose_step(std::string_view sql) {
    return take_line(sql) == mark;
}

std::vector<LooseStatement> loose_statements(std::string_view sql) {
    std::vector<LooseStatement> statements;
    std::string statement;
    while (!sql.empty()) {
        const auto line = take_line(sql);
        if (line.empty() || line.starts_with("--")) continue;
        if (!statement.empty()) statement += ' ';
        statement += line.substr(std::min(line.find_first_not_of(' '), line.size()));
        if (!line.ends_with(';')) continue;
        auto read = read_statement(statement);
        if (!read) {
            throw std::runtime_error(fmt::format(
                "'{:.60}': without a transaction there may only be CREATE INDEX CONCURRENTLY name "
                "ON ..., DROP INDEX CONCURRENTLY IF EXISTS and CALL",
                statement
            ));
        }
        statements.push_back(std::move(*read));
        statement.clear();
    }
    if (!statement.empty()) {
        throw std::runtime_error(fmt::format("'{:.60}' has no ; at its end", statement));
    }
    return statements;
}

}  // namespace postgres
