#include "cli/catalogue_import/product_file.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "cli/catalogue_import/csv_reader.hpp"
#include "product/domain/text_rules.hpp"
#include "token/digest.hpp"

namespace cli {
namespace {

constexpr std::int64_t progress_every_lines = 10000;
// More than the largest shop's catalogue; each row is held in memory.
constexpr std::size_t rows_max = 1'000'000;

struct Column {
    std::string_view name;
    bool required;
};
constexpr std::array<Column, 8> known_columns{{
    {"name", true},
    {"category", true},
    {"price_cents", true},
    {"currency", true},
    {"description", false},
    {"image", false},
    {"initial_stock", false},
    {"key", false},
}};

using Columns = std::map<std::string, std::size_t, std::less<>>;

/// The columns by name; problems if there are some.
Columns read_heading(const CsvRecord& heading, ImportProblems& problems) {
    Columns columns;
    for (std::size_t index = 0; index < heading.fields.size(); ++index) {
        const std::string& name = heading.fields[index];
        const bool known =
            std::any_of(known_columns.begin(), known_columns.end(), [&](const Column& column) {
                return column.name == name;
            });
        if (!known) {
            problems.add(
                heading.line,
                "",
                fmt::format(
                    "'{:.40}' is no column; there are name, category, price_cents, currency, "
                    "description, image, initial_stock, key",
                    name
                )
            );
        } else if (!columns.emplace(name, index).second) {
            problems.add(heading.line, name, "stands there twice");
        }
    }
    for (const Column& column : known_columns) {
        if (column.required && !columns.contains(column.name)) {
            problems.add(heading.line, std::string(column.name), "this column is missing");
        }
    }
    return columns;
}

std::optional<std::int64_t> whole_number(const std::string& text) {
    std::int64_t number = 0;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
    return number;
}

/// Texts with their lengths, so that two rows never have one digest by running together.
std::string digest_of(const product::NewProduct& product) {
    std::string whole;
    for (const std::string* text :
         {&product.name, &product.description, &product.category, &product.currency, &product.image
         }) {
        whole += fmt::format("{}:{}", text->size(), *text);
    }
    whole += fmt::format("{} {}", product.price_cents, product.initial_stock);
    return base::to_hex(token::sha256(whole)).substr(0, 32);
}

class RowReader {
  public:
    RowReader(Columns columns, std::size_t fields, ProductFile& file)
        : columns_(std::move(columns)), fields_(fields), file_(file) {}

    void read(const CsvRecord& record) {
        if (record.fields.size() != fields_) {
            say(record.line,
                "",
                fmt::format("has {} fields and the first line {}", record.fields.size(), fields_));
            return;
        }
        const std::size_t problems_before = file_.problems.total();
        ImportRow row;
        row.line = record.line;
        row.product.name = cell(record, "name");
        row.product.category = cell(record, "category");
        row.product.currency = cell(record, "currency");
        row.product.description = cell(record, "description");
        row.product.image = cell(record, "image");
        std::set<std::string> unread;
        read_number(record, "price_cents", row.product.price_cents, unread);
        if (!cell(record, "initial_stock").empty()) {
            read_number(record, "initial_stock", row.product.initial_stock, unread);
        }
        for (const auto& problem : product::problems_of(row.product)) {
            if (!unread.contains(problem.field)) say(row.line, problem.field, problem.detail);
        }
        const bool is_sound = file_.problems.total() == problems_before;
        // What a row without a key is known by is what it says, and that is not known yet.
        if (is_sound || !cell(record, "key").empty()) read_key(record, row);
        if (file_.problems.total() == problems_before) file_.rows.push_back(std::move(row));
    }

  private:
    void say(std::int64_t line, std::string field, std::string what) {
        file_.problems.add(line, std::move(field), std::move(what));
    }

    const std::string& cell(const CsvRecord& record, std::string_view column) const {
        static const std::string nothing;
        const auto found = columns_.find(column);
        return found == columns_.end() ? nothing : record.fields[found->second];
    }

    void read_number(
        const CsvRecord& record,
        const std::string& column,
        std::int64_t& out,
        std::set<std::string>& unread
    ) {
        if (const auto number = whole_number(cell(record, column))) {
            out = *number;
            return;
        }
        unread.insert(column);
        say(record.line,
            column,
            fmt::format(
                "'{:.40}' is no whole number{}",
                cell(record, column),
                column == "price_cents" ? "; 12.50 is written 1250" : ""
            ));
    }

    void read_key(const CsvRecord& record, ImportRow& row) {
        const std::string& given = cell(record, "key");
        if (!given.empty() && !product::is_key(given)) {
            say(row.line, "key", "Must be 1 to 128 visible ASCII characters.");
            return;
        }
        row.key = given.empty() ? "row:" + digest_of(row.product) : "key:" + given;
        const auto [first, fresh] = lines_.emplace(row.key, row.line);
        if (fresh) return;
        say(row.line,
            given.empty() ? "" : "key",
            given.empty() ? fmt::format("says the same as line {}; give both a key", first->second)
                          : fmt::format("is that of line {} already", first->second));
    }

    Columns columns_;
    std::size_t fields_;
    ProductFile& file_;
    std::unordered_map<std::string, std::int64_t> lines_;  ///< by key
};

}  // namespace

ProductFile read_product_file(std::istream& input, const LineProgress& progress) {
    ProductFile file;
    CsvReader reader(input);
    const auto heading = reader.next();
    if (!heading) {
        file.problems.add(1, "", "the file is empty; its first line names the columns");
        return file;
    }
    if (!heading->has_value()) {
        file.problems.add(heading->error().line, "", heading->error().what);
        return file;
    }
    Columns columns = read_heading(**heading, file.problems);
    if (!file.problems.empty()) return file;
    RowReader rows(std::move(columns), (*heading)->fields.size(), file);
    std::int64_t told = 0;
    std::size_t records = 0;
    while (const auto next = reader.next()) {
        if (++records > rows_max) {
            file.problems.add(
                reader.line(), "", "more than 1,000,000 rows; import them in several files"
            );
            return file;
        }
        if (next->has_value()) {
            rows.read(**next);
        } else {
            file.problems.add(next->error().line, "", next->error().what);
        }
        if (reader.line() - told >= progress_every_lines) {
            told = reader.line();
            progress(told);
        }
    }
    return file;
}

}  // namespace cli
