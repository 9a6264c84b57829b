#include "crowd/customers.hpp"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crowd {
namespace {

using testing::HasSubstr;

const std::string good =
    R"({"account_id":"0193aaaa-bbbb-7ccc-8ddd-eeeeffff0001","token":"aaa.bbb.ccc"})";

std::expected<std::vector<Customer>, std::string> read(const std::string& text) {
    std::istringstream lines(text);
    return read_customers(lines);
}

TEST(Customers, are_read_line_by_line) {
    const auto customers = read(good + "\n\n" + good + "\r\n");
    ASSERT_TRUE(customers.has_value()) << customers.error();
    ASSERT_EQ(customers->size(), 2U);
    EXPECT_EQ(customers->at(1).token, "aaa.bbb.ccc");
    EXPECT_EQ(customers->at(1).account_id, "0193aaaa-bbbb-7ccc-8ddd-eeeeffff0001");
}

TEST(Customers, faults_name_the_line_and_the_remedy) {
    const struct {
        const char* line;
        const char* fault;
    } cases[] = {
        {"not json", "not a JSON object"},
        {R"({"token":"t"})", "account_id"},
        {R"({"account_id":"17","token":"t"})", "account_id"},
        {R"({"account_id":"0193aaaa-bbbb-7ccc-8ddd-eeeeffff0001"})", "token"},
        {R"({"account_id":"0193aaaa-bbbb-7ccc-8ddd-eeeeffff0001","token":"a b"})", "token"},
        {R"({"account_id":"0193aaaa-bbbb-7ccc-8ddd-eeeeffff0001","token":"a\r\nX: 1"})", "token"},
    };
    for (const auto& [line, fault] : cases) {
        const auto customers = read(good + "\n" + line + "\n");
        ASSERT_FALSE(customers.has_value()) << line;
        EXPECT_THAT(customers.error(), HasSubstr("line 2"));
        EXPECT_THAT(customers.error(), HasSubstr(fault));
        EXPECT_THAT(customers.error(), HasSubstr("doorbuster customers seed"));
    }
}

TEST(Customers, an_empty_or_missing_file_is_an_error) {
    EXPECT_THAT(read("\n").error(), HasSubstr("no customers"));
    EXPECT_THAT(read_customers_file("/nonexistent/customers").error(), HasSubstr("can't read"));
}

}  // namespace
}  // namespace crowd
