#include "cli/catalogue_import/csv_reader.hpp"

#include <utility>

namespace cli {
namespace {

using Traits = std::istream::traits_type;

// Beyond the longest description (10,000 characters of up to four bytes); what is longer is most
// likely a quote that nobody closed.
constexpr std::size_t field_bytes_max = 65536;
constexpr std::size_t fields_max = 64;

}  // namespace

CsvReader::CsvReader(std::istream& input) : input_(input) {
    constexpr std::string_view mark = "\xEF\xBB\xBF";
    for (const char byte : mark) {
        // A file that begins with a part of the mark is not UTF-8 and fails later on.
        if (peek() != Traits::to_int_type(byte)) break;
        take();
    }
}

int CsvReader::peek() const {
    return input_.rdbuf()->sgetc();
}

int CsvReader::take() {
    const int byte = input_.rdbuf()->sbumpc();
    if (byte == '\n') ++line_;
    return byte;
}

/// Whether `taken` ends a line; takes the LF after a CR.
bool CsvReader::ends_line(int taken) {
    if (taken == '\r' && peek() == '\n') taken = take();
    return taken == '\n';
}

void CsvReader::skip_line() {
    for (int byte = take(); byte != '\n' && byte != Traits::eof();) byte = take();
}

CsvReader::Field CsvReader::read_quoted(std::string& field) {
    const std::int64_t opened = line_;
    take();
    while (true) {
        const int byte = take();
        if (byte == Traits::eof() || field.size() > field_bytes_max) {
            return std::unexpected(
                CsvProblem{opened, "a quoted field begins here and does not end; is a \" missing?"}
            );
        }
        if (byte != '"') {
            field += static_cast<char>(byte);
        } else if (peek() == '"') {
            take();
            field += '"';
        } else {
            break;
        }
    }
    if (peek() == Traits::eof()) return Ended::record;
    const std::int64_t line = line_;
    const int byte = take();
    if (byte == ',') return Ended::field;
    if (ends_line(byte)) return Ended::record;
    return std::unexpected(CsvProblem{
        line, "text after the end of a quoted field; a quote within one is written twice"
    });
}

CsvReader::Field CsvReader::read_field(std::string& field) {
    if (peek() == '"') return read_quoted(field);
    const std::int64_t line = line_;
    while (peek() != Traits::eof()) {
        const int byte = take();
        if (byte == ',') return Ended::field;
        if (ends_line(byte)) return Ended::record;
        if (byte == '"') {
            return std::unexpected(CsvProblem{
                line, "a quote within a field; put the whole field in quotes and write it twice"
            });
        }
        if (byte == '\r') {
            return std::unexpected(CsvProblem{line, "a carriage return that ends no line"});
        }
        if (field.size() > field_bytes_max) {
            return std::unexpected(CsvProblem{line, "a field of more than 65536 bytes"});
        }
        field += static_cast<char>(byte);
    }
    return Ended::record;
}

std::optional<std::expected<CsvRecord, CsvProblem>> CsvReader::next() {
    while (peek() == '\n' || peek() == '\r') {
        const std::int64_t line = line_;
        if (!ends_line(take())) {
            skip_line();
            return std::unexpected(CsvProblem{line, "a carriage return that ends no line"});
        }
    }
    if (peek() == Traits::eof()) return std::nullopt;
    CsvRecord record{line_, {}};
    while (true) {
        std::string field;
        const Field ended = read_field(field);
        if (!ended) {
            skip_line();
            return std::unexpected(ended.error());
        }
        record.fields.push_back(std::move(field));
        if (*ended == Ended::record) return record;
        if (record.fields.size() == fields_max) {
            skip_line();
            return std::unexpected(CsvProblem{record.line, "more than 64 fields"});
        }
    }
}

}  // namespace cli
