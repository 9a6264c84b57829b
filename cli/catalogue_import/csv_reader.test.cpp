#include "cli/catalogue_import/csv_reader.hpp"

#include <sstream>

#include <gtest/gtest.h>

namespace cli {
namespace {

/// Records as "line:[field|field]", problems as "line:!", in the file's order.
std::string read(const std::string& text) {
    std::istringstream input(text);
    CsvReader reader(input);
    std::string seen;
    while (const auto next = reader.next()) {
        if (!next->has_value()) {
            seen += std::to_string(next->error().line) + ":! ";
            EXPECT_FALSE(next->error().what.empty());
            continue;
        }
        seen += std::to_string((*next)->line) + ":[";
        for (const auto& field : (*next)->fields) seen += field + "|";
        seen += "] ";
    }
    return seen;
}

TEST(CsvReader, ReadsFieldsAndLines) {
    EXPECT_EQ(read(""), "");
    EXPECT_EQ(read("a"), "1:[a|] ");
    EXPECT_EQ(read("a,b\nc,d\n"), "1:[a|b|] 2:[c|d|] ");
    EXPECT_EQ(read("a,b\r\nc,d\r\n"), "1:[a|b|] 2:[c|d|] ");
    EXPECT_EQ(read("a,,\n,\n"), "1:[a|||] 2:[||] ");
    EXPECT_EQ(read(" a , b"), "1:[ a | b|] ") << "blanks are part of a field";
    EXPECT_EQ(read("\n\r\na\n\n\nb\n"), "3:[a|] 6:[b|] ") << "empty lines are skipped and counted";
    EXPECT_EQ(
        read("\xEF\xBB\xBF"
             "a,b\n"),
        "1:[a|b|] "
    ) << "a byte order mark";
    EXPECT_EQ(read("a\rb\nc\n"), "1:! 2:[c|] ") << "a lone CR ends nothing";
    EXPECT_EQ(read("\rb\nc\n"), "1:! 2:[c|] ");
    EXPECT_EQ(read("\"a\"\rb\nc\n"), "1:! 2:[c|] ");
}

TEST(CsvReader, ReadsQuotedFields) {
    EXPECT_EQ(read("\"a,b\",c\n"), "1:[a,b|c|] ");
    EXPECT_EQ(read("\"a \"\"b\"\"\"\n"), "1:[a \"b\"|] ");
    EXPECT_EQ(read("\"\",\"\"\n"), "1:[||] ");
    EXPECT_EQ(read("\"a\nb\r\nc\",d\ne\n"), "1:[a\nb\r\nc|d|] 4:[e|] ");
    EXPECT_EQ(read("\"a\""), "1:[a|] ");
}

TEST(CsvReader, SaysWhereItIsWrongAndGoesOn) {
    EXPECT_EQ(read("a\nb\"c,d\ne\n"), "1:[a|] 2:! 3:[e|] ");
    EXPECT_EQ(read("a\n\"b\"c,d\ne\n"), "1:[a|] 2:! 3:[e|] ");
    EXPECT_EQ(read("a\n\"b\nc\n"), "1:[a|] 2:! ") << "where the quote was opened";
    EXPECT_EQ(read("\"a\n\"b\nc\n"), "2:! 3:[c|] ");
    EXPECT_EQ(read(std::string(100, ',') + "\na\n"), "1:! 2:[a|] ");
    EXPECT_EQ(read(std::string(70000, 'x') + "\na\n"), "1:! 2:[a|] ");
    EXPECT_EQ(read("\"" + std::string(70000, 'x') + "\na\n"), "1:! 2:[a|] ");
}

}  // namespace
}  // namespace cli
