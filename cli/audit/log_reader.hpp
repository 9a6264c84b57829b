#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "base/uuid.hpp"

namespace cli {

/// One HTTP exchange of the crowd.
struct Exchange {
    enum class Kind { take, pay, cancel };

    std::int64_t sent_us = 0;
    std::int64_t answered_us = 0;  ///< 0: no answer
    Kind kind = Kind::take;
    base::Uuid sale_id;
    base::Uuid customer_id;
    base::Uuid key;  ///< as the database knows it: the first half of the text's SHA-256
    std::int64_t quantity = 0;
    std::optional<base::Uuid> order_id;
    int status = 0;
    std::string code;
    std::optional<std::int64_t> seq;
    std::optional<std::int64_t> pos;
    std::optional<std::int64_t> remaining;
    std::optional<std::int64_t> unit_price_cents;

    bool accepted() const { return status == 200 || status == 201; }
};

/// Reads the crowd's log line by line; memory doesn't grow with it.
class LogReader {
  public:
    /// Throws std::runtime_error if the file can't be opened or has another heading.
    explicit LogReader(const std::filesystem::path& path);

    /// False at the end. Throws std::runtime_error, naming the line, if it can't be read.
    bool next(Exchange& exchange);

    /// As next(), but reads only which sale a line is about.
    bool next_sale(base::Uuid& sale);

    std::int64_t line() const { return line_; }

  private:
    bool next_line();
    [[noreturn]] void fail(const std::string& what) const;
    std::int64_t integer(std::size_t column) const;
    std::optional<std::int64_t> optional_integer(std::size_t column) const;
    base::Uuid uuid(std::size_t column) const;

    std::filesystem::path path_;
    std::vector<char> buffer_;
    std::ifstream file_;
    std::string text_;
    std::vector<std::string_view> cells_;
    std::int64_t line_ = 1;
};

}  // namespace cli
