#include "postgres/loose_step.hpp"

#include <stdexcept>

#include <gtest/gtest.h>

namespace postgres {
namespace {

TEST(LooseStep, SaysSoInItsFirstLine) {
    EXPECT_TRUE(is_loose_step("-- no-transaction\nCALL a.b();\n"));
    EXPECT_TRUE(is_loose_step("-- no-transaction\r\n"));
    EXPECT_FALSE(is_loose_step("-- Later: -- no-transaction\nCALL a.b();\n"));
    EXPECT_FALSE(is_loose_step("CALL a.b();\n-- no-transaction\n"));
    EXPECT_FALSE(is_loose_step(""));
}

TEST(LooseStep, HasStatementsOfSeveralLines) {
    const auto statements = loose_statements(
        "-- no-transaction\n\nCALL a.fill(500);\n"
        "CREATE INDEX CONCURRENTLY by_name ON a.things (name)\n    WHERE NOT gone;\n"
        "-- A comment; with a semicolon;\n"
        "CREATE UNIQUE INDEX CONCURRENTLY by_key ON a.things (key);\r\n"
        "DROP INDEX CONCURRENTLY IF EXISTS a.former;"
    );
    using Kind = LooseStatement::Kind;
    ASSERT_EQ(statements.size(), 4u);
    EXPECT_EQ(statements[0].kind, Kind::call);
    EXPECT_EQ(statements[0].sql, "CALL a.fill(500);");
    EXPECT_EQ(statements[1].kind, Kind::create_index);
    EXPECT_EQ(statements[1].index, "by_name");
    EXPECT_EQ(
        statements[1].sql, "CREATE INDEX CONCURRENTLY by_name ON a.things (name) WHERE NOT gone;"
    );
    EXPECT_EQ(statements[2].index, "by_key");
    EXPECT_EQ(statements[3].kind, Kind::drop_index);
}

TEST(LooseStep, RefusesWhatCanNotBeBegunAnew) {
    for (const char* sql :
         {"UPDATE a.things SET name = '';",
          "CREATE INDEX by_name ON a.things (name);",
          "CREATE INDEX CONCURRENTLY IF NOT EXISTS by_name ON a.things (name);",
          "CREATE INDEX CONCURRENTLY ON a.things (name);",
          "CREATE INDEX CONCURRENTLY \"By name\" ON a.things (name);",
          "DROP INDEX CONCURRENTLY a.former;",
          "CALL a.fill(500)"}) {
        EXPECT_THROW(loose_statements(sql), std::runtime_error) << sql;
    }
}

}  // namespace
}  // namespace postgres
