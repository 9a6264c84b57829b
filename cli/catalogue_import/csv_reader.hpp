#pragma once

#include <cstdint>
#include <expected>
#include <istream>
#include <optional>
#include <string>
#include <vector>

namespace cli {

struct CsvRecord {
    std::int64_t line = 0;  ///< where it begins, from 1; a quoted field may go over several
    std::vector<std::string> fields;
};

struct CsvProblem {
    std::int64_t line = 0;
    std::string what;
};

/// Reads RFC 4180: commas, fields in double quotes with "" for one, CRLF or LF; a byte order mark
/// and empty lines are skipped; a CR alone ends nothing and is a problem outside of quotes. After a
/// problem it goes on with the next line. Holds one record at a time.
class CsvReader {
  public:
    /// `input` must outlive the reader.
    explicit CsvReader(std::istream& input);

    /// nullopt: the end of the file.
    std::optional<std::expected<CsvRecord, CsvProblem>> next();

    /// Lines begun so far.
    std::int64_t line() const { return line_; }

  private:
    enum class Ended { field, record };
    using Field = std::expected<Ended, CsvProblem>;

    int peek() const;
    int take();
    bool ends_line(int taken);
    void skip_line();
    Field read_field(std::string& field);
    Field read_quoted(std::string& field);

    std::istream& input_;
    std::int64_t line_ = 1;
};

}  // namespace cli
