#include "cli/catalogue_import/product_file.hpp"

#include <sstream>

#include <gtest/gtest.h>

namespace cli {
namespace {

ProductFile read(const std::string& text) {
    std::istringstream input(text);
    return read_product_file(input, [](std::int64_t) {});
}

/// "line field, line field": where the problems are.
std::string problems(const std::string& text) {
    std::string seen;
    const auto file = read(text);
    for (const auto& problem : file.problems.kept()) {
        EXPECT_FALSE(problem.what.empty());
        seen += (seen.empty() ? "" : ", ") + std::to_string(problem.line) + " " + problem.field;
    }
    return seen;
}

const std::string heading = "name,category,price_cents,currency,initial_stock,key\n";

TEST(ProductFile, ReadsColumnsInAnyOrder) {
    const auto file = read(
        "currency,price_cents,image,name,description,category,initial_stock\r\n"
        "EUR,1999,/images/a.webp,\"Lamp, big\",\"Shines.\nBends.\",light,5\r\n"
        "\r\n"
        "EUR,0,,Chair,,seat,\r\n"
    );
    EXPECT_TRUE(file.problems.empty());
    ASSERT_EQ(file.rows.size(), 2u);
    EXPECT_EQ(file.rows[0].line, 2);
    EXPECT_EQ(file.rows[0].product.name, "Lamp, big");
    EXPECT_EQ(file.rows[0].product.description, "Shines.\nBends.");
    EXPECT_EQ(file.rows[0].product.price_cents, 1999);
    EXPECT_EQ(file.rows[0].product.image, "/images/a.webp");
    EXPECT_EQ(file.rows[0].product.initial_stock, 5);
    EXPECT_EQ(file.rows[1].line, 5);
    EXPECT_EQ(file.rows[1].product.initial_stock, 0);
}

TEST(ProductFile, RowsAreKnownByTheirKeyOrByWhatTheySay) {
    const auto file = read(heading + "a,b,1,EUR,,k1\na,b,1,EUR,,k2\na,b,1,EUR,,\na,b,2,EUR,,\n");
    EXPECT_TRUE(file.problems.empty());
    ASSERT_EQ(file.rows.size(), 4u);
    EXPECT_EQ(file.rows[0].key, "key:k1");
    EXPECT_EQ(file.rows[2].key.substr(0, 4), "row:");
    EXPECT_NE(file.rows[2].key, file.rows[3].key);
    const auto again = read("price_cents,currency,category,name\n1,EUR,b,a\n");
    EXPECT_EQ(again.rows[0].key, file.rows[2].key) << "however it is written";
    EXPECT_EQ(problems(heading + "a,b,1,EUR,,k\nc,d,1,EUR,,k\n"), "3 key");
    EXPECT_EQ(problems(heading + "a,b,1,EUR,,\na,b,1,EUR,,\n"), "3 ");
    EXPECT_EQ(problems(heading + "a,b,1,EUR,,two words\n"), "2 key");
}

TEST(ProductFile, FindsAllThatIsWrong) {
    EXPECT_EQ(
        problems(
            heading + ",b,1,EUR,,\n"                         // 2: no name
                      "a,b,12.50,EUR,,\n"                    // 3: a fraction
                      "a,b,-1,eur,-1,\n"                     // 4: three of them
                      "a,b,1,EUR\n"                          // 5: too few fields
                      "a,b,1,EUR,,,\n"                       // 6: too many
                      "a\"b,c,1,EUR,,\n"                     // 7: a quote
                      "a,b,99999999999999999999,EUR,1e3,\n"  // 8
                      "\x07,b,1,EUR,,\n"                     // 9: a control character
                      "\xff,b,1,EUR,,\n"                     // 10: not UTF-8
                      "good,b,1,EUR,,\n"
                      "\"open,b,1,EUR,,\n"
        ),
        "2 name, 3 price_cents, 4 price_cents, 4 currency, 4 initial_stock, 5 , 6 , 7 , "
        "8 price_cents, 8 initial_stock, 9 name, 10 name, 12 "
    );
}

TEST(ProductFile, TheFirstLineNamesTheColumns) {
    EXPECT_EQ(problems(""), "1 ");
    EXPECT_EQ(problems("name,category,price_cents\na,b,1\n"), "1 currency");
    EXPECT_EQ(problems("\nname,Category,price_cents,currency,colour\n"), "2 , 2 , 2 category");
    EXPECT_EQ(problems("name,category,price_cents,currency,name\n"), "1 name");
    EXPECT_TRUE(read(heading).rows.empty());
    EXPECT_EQ(problems(heading), "");
}

TEST(ProductFile, OfManyMistakesTheFirstAreKept) {
    std::string text = heading;
    for (int row = 0; row < 3000; ++row) text += ",b,1,EUR,,\n";
    const auto file = read(text + "good,b,1,EUR,,\n");
    EXPECT_EQ(file.problems.total(), 3000u);
    ASSERT_EQ(file.problems.kept().size(), ImportProblems::kept_max);
    EXPECT_EQ(file.problems.kept().back().line, 1001);
    EXPECT_EQ(file.rows.size(), 1u);
}

TEST(ProductFile, TellsHowFarItIs) {
    std::string text = heading;
    for (int row = 0; row < 25000; ++row) text += "a,b,1,EUR,," + std::to_string(row) + "\n";
    std::istringstream input(text);
    std::vector<std::int64_t> told;
    const auto file = read_product_file(input, [&](std::int64_t lines) { told.push_back(lines); });
    EXPECT_EQ(file.rows.size(), 25000u);
    EXPECT_EQ(told.size(), 2u);
}

}  // namespace
}  // namespace cli
