#include <gtest/gtest.h>

#include "postgres/pool.hpp"
#include "testing/run_on_loop.hpp"
#include "testing/temporary_postgres.hpp"

namespace postgres {
namespace {

net::Deadline soon() {
    return net::deadline_in(std::chrono::seconds(20));
}

class PostgresValues : public ::testing::Test {
  protected:
    static void SetUpTestSuite() { url_ = new std::string(::testing::make_database("values")); }
    static void TearDownTestSuite() { delete url_; }

    Result query(std::string_view name, std::string_view sql, const Parameters& parameters = {}) {
        return ::testing::run_on_loop(loop_, pool_.query({name, sql}, parameters, soon()));
    }

    static PoolSettings settings() {
        PoolSettings settings;
        settings.url = *url_;
        return settings;
    }

    static inline std::string* url_ = nullptr;
    net::asio::io_context loop_;
    Pool pool_{loop_.get_executor(), settings(), nullptr};
};

const base::Uuid some_id = *base::Uuid::parse("0190a4c2-1111-7222-8333-444455556666");
const base::Uuid other_id = *base::Uuid::parse("ffffffff-ffff-ffff-ffff-ffffffffffff");

TEST_F(PostgresValues, ScalarsComeBackAsTheyWent) {
    const std::vector<std::uint8_t> bytes{0, 1, 255, 92};
    Parameters parameters;
    parameters.boolean(true)
        .int4(-2147483647 - 1)
        .int8(9223372036854775807)
        .text("größe 'x' \\ \"y\"")
        .uuid(some_id)
        .bytes(bytes)
        .timestamp_ms(1795341600123)
        .json(R"({"a": [1, null]})")
        .number(-1.5);
    const Result row = query(
        "scalars",
        "SELECT $1::boolean, $2::integer, $3::bigint, $4::text, $5::uuid, $6::bytea,"
        " $7::timestamptz, $8::jsonb, $9::float8",
        parameters
    );
    ASSERT_EQ(row.rows(), 1u);
    EXPECT_TRUE(row.boolean(0, 0));
    EXPECT_EQ(row.integer(0, 1), -2147483648LL);
    EXPECT_EQ(row.integer(0, 2), 9223372036854775807LL);
    EXPECT_EQ(row.text(0, 3), "größe 'x' \\ \"y\"");
    EXPECT_EQ(row.uuid(0, 4), some_id);
    EXPECT_EQ(row.bytes(0, 5), std::string_view("\0\1\377\\", 4));
    EXPECT_EQ(row.timestamp_ms(0, 6), 1795341600123);
    EXPECT_EQ(row.timestamp_us(0, 6), 1795341600123000);
    EXPECT_EQ(row.text(0, 7), R"({"a": [1, null]})");
    EXPECT_EQ(row.number(0, 8), -1.5);
}

TEST_F(PostgresValues, NullsAreNulls) {
    Parameters parameters;
    parameters.null().optional_text(std::nullopt).optional_uuid(std::nullopt);
    parameters.optional_int8(std::nullopt).optional_timestamp_ms(std::nullopt);
    const Result row = query(
        "nulls", "SELECT $1::bigint, $2::text, $3::uuid, $4::bigint, $5::timestamptz", parameters
    );
    for (int column = 0; column < 5; ++column) EXPECT_TRUE(row.is_null(0, column)) << column;
    EXPECT_EQ(row.optional_integer(0, 0), std::nullopt);
    EXPECT_EQ(row.optional_text(0, 1), std::nullopt);
    EXPECT_EQ(row.optional_uuid(0, 2), std::nullopt);
    EXPECT_EQ(row.optional_timestamp_ms(0, 4), std::nullopt);

    Parameters present;
    present.int8(7).optional_text("text").optional_uuid(some_id);
    present.optional_int8(8).optional_timestamp_ms(-1);
    const Result full = query(
        "nulls", "SELECT $1::bigint, $2::text, $3::uuid, $4::bigint, $5::timestamptz", present
    );
    EXPECT_EQ(full.optional_integer(0, 0), 7);
    EXPECT_EQ(full.optional_text(0, 1), "text");
    EXPECT_EQ(full.optional_uuid(0, 2), some_id);
    EXPECT_EQ(full.optional_integer(0, 3), 8);
    EXPECT_EQ(full.optional_timestamp_ms(0, 4), -1);
}

TEST_F(PostgresValues, ArraysComeBackAsTheyWent) {
    const std::vector<std::int32_t> small{1, -2, 3};
    const std::vector<std::int64_t> large{-9223372036854775807 - 1, 0};
    const std::vector<base::Uuid> ids{some_id, other_id};
    const std::vector<std::string> texts{"", "a,b", "{\"}", "NULL"};
    Parameters parameters;
    parameters.int4_array(small).int8_array(large).uuid_array(ids).text_array(texts);
    const Result row =
        query("arrays", "SELECT $1::integer[], $2::bigint[], $3::uuid[], $4::text[]", parameters);
    EXPECT_EQ(row.integer_array(0, 0), (std::vector<std::int64_t>{1, -2, 3}));
    EXPECT_EQ(row.integer_array(0, 1), large);
    EXPECT_EQ(row.uuid_array(0, 2), ids);
    EXPECT_EQ(row.text_array(0, 3), texts);

    Parameters empty;
    empty.int4_array({}).int8_array({}).uuid_array({}).text_array({});
    const Result none =
        query("arrays", "SELECT $1::integer[], $2::bigint[], $3::uuid[], $4::text[]", empty);
    EXPECT_TRUE(none.integer_array(0, 0).empty());
    EXPECT_TRUE(none.uuid_array(0, 2).empty());
    EXPECT_TRUE(none.text_array(0, 3).empty());
}

TEST_F(PostgresValues, OtherTypesAreRead) {
    const Result row = query(
        "others",
        "SELECT 7::smallint, 1.25::real, 'n'::name, 'v'::varchar, '{\"b\":1}'::json,"
        " '{1,2}'::smallint[], '1999-12-31T23:59:59.9999Z'::timestamptz, 26::oid"
    );
    EXPECT_EQ(row.integer(0, 0), 7);
    EXPECT_EQ(row.number(0, 1), 1.25);
    EXPECT_EQ(row.text(0, 2), "n");
    EXPECT_EQ(row.text(0, 3), "v");
    EXPECT_EQ(row.text(0, 4), R"({"b":1})");
    EXPECT_EQ(row.integer_array(0, 5), (std::vector<std::int64_t>{1, 2}));
    EXPECT_EQ(row.timestamp_ms(0, 6), 946684799999);
    EXPECT_EQ(row.integer(0, 7), 26);
}

TEST_F(PostgresValues, RowsAndAffectedAreCounted) {
    query("make_counted", "CREATE TABLE counted (id integer)");
    const Result inserted =
        query("insert_counted", "INSERT INTO counted SELECT generate_series(1, 5)");
    EXPECT_EQ(inserted.affected(), 5);
    EXPECT_TRUE(inserted.empty());
    const Result found = query("select_counted", "SELECT id FROM counted ORDER BY id");
    ASSERT_EQ(found.rows(), 5u);
    EXPECT_EQ(found.integer(4, 0), 5);
}

TEST_F(PostgresValues, LargeValuesPassBothWays) {
    const std::string large(9 * 1024 * 1024, 'x');
    Parameters parameters;
    parameters.text(large);
    const Result row = query("large", "SELECT $1::text || 'y'", parameters);
    EXPECT_EQ(row.text(0, 0).size(), large.size() + 1);
}

using PostgresValuesDeathTest = PostgresValues;

TEST_F(PostgresValuesDeathTest, AWrongGetterIsABug) {
    const Result row = query("wrong", "SELECT 1::integer, NULL::bigint");
    EXPECT_DEATH((void)row.text(0, 0), "text was expected");
    EXPECT_DEATH((void)row.uuid(0, 0), "");
    EXPECT_DEATH((void)row.integer(0, 1), "is_null");
    EXPECT_DEATH((void)row.integer(1, 0), "row < rows");
}

}  // namespace
}  // namespace postgres
