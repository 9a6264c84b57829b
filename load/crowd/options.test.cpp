#include "crowd/options.hpp"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crowd {
namespace {

using testing::HasSubstr;

struct Read {
    Invocation invocation;
    std::string out;
    std::string errors;
};

Read read(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "crowd");
    std::ostringstream out;
    std::ostringstream errors;
    auto invocation =
        read_options(static_cast<int>(arguments.size()), arguments.data(), out, errors);
    return {std::move(invocation), out.str(), errors.str()};
}

Read read_with(std::vector<const char*> arguments) {
    for (const char* needed :
         {"0193aaaa-bbbb-7ccc-8ddd-eeeeffff0001", "--sale", "customers", "--customers"}) {
        arguments.insert(arguments.begin(), needed);
    }
    return read(std::move(arguments));
}

TEST(Options, read_a_whole_command_line) {
    const auto result = read_with(
        {"--gateway",
         "shop:81",
         "--arrival",
         "open",
         "--rate",
         "250.5",
         "--spacing",
         "constant",
         "--quantity",
         "1:80,2:20",
         "--pay-delay-ms",
         "10:4000",
         "--retries"}
    );
    ASSERT_TRUE(result.invocation.options.has_value()) << result.errors;
    const Options& options = *result.invocation.options;
    EXPECT_EQ(options.host, "shop");
    EXPECT_EQ(options.port, "81");
    EXPECT_EQ(options.arrival, Arrival::open);
    EXPECT_EQ(options.spacing, Spacing::constant);
    EXPECT_DOUBLE_EQ(options.rate, 250.5);
    ASSERT_EQ(options.quantities.size(), 2U);
    EXPECT_EQ(options.quantities[1].quantity, 2);
    EXPECT_EQ(options.quantities[1].weight, 20);
    EXPECT_EQ(options.pay_delay_ms.high, 4000);
    EXPECT_TRUE(options.retries);
    EXPECT_DOUBLE_EQ(options.duration_s, 60);
}

TEST(Options, until_sold_out_is_bounded_too) {
    EXPECT_DOUBLE_EQ(read_with({"--until-sold-out"}).invocation.options->duration_s, 600);
    EXPECT_DOUBLE_EQ(
        read_with({"--until-sold-out", "--duration-s", "5"}).invocation.options->duration_s, 5
    );
}

TEST(Options, help_has_examples) {
    const auto result = read({"--help"});
    EXPECT_FALSE(result.invocation.options.has_value());
    EXPECT_EQ(result.invocation.exit_code, 0);
    EXPECT_THAT(result.out, HasSubstr("Examples:"));
}

TEST(Options, faults_are_usage_errors_that_name_the_option) {
    const std::vector<std::vector<const char*>> cases = {
        {"--connections", "0"},
        {"--gateway", "nowhere"},
        {"--quantity", "0"},
        {"--quantity", "1:x"},
        {"--quantity", "1,"},
        {"--pay-delay-ms", "5:1"},
        {"--pay", "0.9", "--cancel", "0.2"},
        {"--arrival", "ajar"},
        {"--until-sold-out", "--arrival", "open"},
        {"--duplicates", "2"},
    };
    for (const auto& arguments : cases) {
        const auto result = read_with(arguments);
        EXPECT_FALSE(result.invocation.options.has_value()) << arguments[0];
        EXPECT_EQ(result.invocation.exit_code, 2) << arguments[0];
        EXPECT_THAT(result.errors, HasSubstr(arguments[0]));
    }
    EXPECT_EQ(read({}).invocation.exit_code, 2);
    EXPECT_THAT(read({"--customers", "c", "--sale", "7"}).errors, HasSubstr("not a UUID"));
}

TEST(Options, buyers_come_for_a_sale_or_for_products) {
    const auto ordinary = read({"--customers", "c", "--products", "ids", "--lines", "3"});
    ASSERT_TRUE(ordinary.invocation.options.has_value()) << ordinary.errors;
    EXPECT_EQ(ordinary.invocation.options->lines, 3);
    EXPECT_THAT(read_with({"--products", "ids"}).errors, HasSubstr("one of --sale and --products"));
    EXPECT_THAT(read({"--customers", "c"}).errors, HasSubstr("one of --sale and --products"));
    EXPECT_THAT(
        read({"--customers", "c", "--products", "ids", "--log", "l"}).errors, HasSubstr("--log")
    );
}

}  // namespace
}  // namespace crowd
