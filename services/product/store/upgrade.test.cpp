// The schema of the first release, with a large catalogue, is brought up to date while the program
// of that release goes on reading and selling.

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include "postgres/migrate.hpp"
#include "product/store/postgres_catalogue.hpp"
#include "testing/run_on_loop.hpp"
#include "testing/temporary_postgres.hpp"

namespace product {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t products = 100'000;
// Of one batch that is filled, or of a step that waits for its lock: some 300 ms, 1.5 s where
// autovacuum is in its way; and what else a busy machine does.
constexpr milliseconds longest_wait_max(3000);

/// How many steps the last release had.
std::ptrdiff_t released_steps() {
    std::ifstream file(PRODUCT_MIGRATIONS "/RELEASED");
    std::ptrdiff_t steps = 0;
    if (!(file >> steps)) throw std::runtime_error("migrations/RELEASED can't be read");
    return steps;
}

net::Deadline soon() {
    return net::deadline_in(std::chrono::minutes(5));
}

constexpr std::string_view plant_products =
    "SET synchronous_commit = off;"
    "WITH made AS ("
    " INSERT INTO product.products (id, name, description, category, price_cents, currency, image,"
    "        stock, created_by)"
    " SELECT lpad(to_hex(n), 32, '0')::uuid, 'Café thing ' || n,"
    "        'Seen ' || md5(n::text) || ', never ' || md5((-n)::text) || ' so far.',"
    "        'c' || n % 40, n % 5000, 'EUR', '', 1000, 't' FROM generate_series(1, 100000) AS n"
    " RETURNING id, stock)"
    "INSERT INTO product.stock_ledger"
    "       (product_id, kind, quantity, stock_after, reserved_after, actor)"
    " SELECT id, 'initial', stock, stock, 0, 't' FROM made;"
    "ANALYZE product.products";

constexpr postgres::Statement released_list{
    "released_list",
    "SELECT id, name, stock FROM product.products WHERE NOT archived AND id < $1"
    " ORDER BY id DESC LIMIT 20"
};

constexpr postgres::Statement released_search{
    "released_search",
    "SELECT id FROM product.products WHERE NOT archived"
    " AND search @@ plainto_tsquery('simple', $1) ORDER BY id DESC LIMIT 20"
};

constexpr postgres::Statement released_reserve{
    "released_reserve", "SELECT outcome FROM product.reserve_v1($1, 'order', $2, $3, 60000, 't')"
};

constexpr postgres::Statement released_settle{
    "released_settle", "SELECT outcome FROM product.settle_v1($1, $2, $3, 't')"
};

constexpr postgres::Statement released_create{
    "released_create",
    "SELECT outcome FROM product.create_product_v1($1, 'Made meanwhile', '', 'new', 1, 'EUR', '', "
    "1,"
    " 't', NULL)"
};

struct Traffic {
    bool is_over = false;
    int rounds = 0;
    milliseconds longest_wait{0};
};

/// `number` as the id of a planted product.
base::Uuid planted(std::int64_t number) {
    base::Uuid id;
    for (std::size_t byte = 0; byte < 8; ++byte) {
        id.bytes[15 - byte] = static_cast<std::uint8_t>(number >> (8 * byte));
    }
    return id;
}

net::awaitable<std::string> timed(
    postgres::Pool& pool,
    Traffic& traffic,
    const postgres::Statement& statement,
    postgres::Parameters parameters
) {
    const auto began = net::SteadyClock::now();
    const auto rows = co_await pool.query(statement, parameters, soon());
    const auto took = std::chrono::duration_cast<milliseconds>(net::SteadyClock::now() - began);
    traffic.longest_wait = std::max(traffic.longest_wait, took);
    co_return std::string(rows.text(0, 0));
}

net::awaitable<void> read(postgres::Pool& pool, Traffic& traffic) {
    for (; !traffic.is_over; ++traffic.rounds) {
        const auto began = net::SteadyClock::now();
        postgres::Parameters before;
        before.uuid(planted(1 + traffic.rounds * 7919LL % products));
        co_await pool.query(released_list, before, soon());
        postgres::Parameters words;
        words.text("thing " + std::to_string(1 + traffic.rounds % products));
        co_await pool.query(released_search, words, soon());
        traffic.longest_wait = std::max(
            traffic.longest_wait,
            std::chrono::duration_cast<milliseconds>(net::SteadyClock::now() - began)
        );
    }
}

/// Sets one unit aside, sells it; now and then a product is made.
net::awaitable<void> sell(postgres::Pool& pool, base::UuidGenerator& ids, Traffic& traffic) {
    for (; !traffic.is_over; ++traffic.rounds) {
        const std::vector<base::Uuid> product{planted(1 + traffic.rounds * 104729LL % products)};
        const std::vector<std::int64_t> one{1};
        const base::Uuid id = ids.next(1);
        postgres::Parameters reserve;
        reserve.uuid(id).uuid_array(product).int8_array(one);
        const auto reserved = co_await timed(pool, traffic, released_reserve, reserve);
        EXPECT_EQ(reserved, "created");
        const auto settled = co_await timed(pool, traffic, released_settle, std::move(reserve));
        EXPECT_EQ(settled, "settled");
        if (traffic.rounds % 50 != 0) continue;
        postgres::Parameters create;
        create.uuid(ids.next(1));
        const auto created = co_await timed(pool, traffic, released_create, std::move(create));
        EXPECT_EQ(created, "created");
    }
}

class Upgrade : public ::testing::Test {
  protected:
    Upgrade() {
        const auto connection = run(owner_.acquire(soon()));
        run(connection->run(
            "DO $$ BEGIN CREATE ROLE product LOGIN; CREATE ROLE auditor LOGIN;"
            " EXCEPTION WHEN duplicate_object THEN NULL; END $$",
            soon()
        ));
        const std::vector<postgres::Migration> released(
            steps_.begin(), steps_.begin() + released_steps()
        );
        run(postgres::migrate(*connection, "product", released, soon()));
        run(connection->run(plant_products, soon()));
    }

    template <class T>
    T run(net::awaitable<T> work) {
        return ::testing::run_on_loop(loop_, std::move(work));
    }

    static postgres::PoolSettings settings(std::string url, const std::string& role) {
        postgres::PoolSettings settings;
        settings.url = url.replace(url.find("postgres@"), 8, role);
        if (role == "postgres") settings.statement_timeout_ms = 0;  // to plant
        return settings;
    }

    std::int64_t count(std::string_view what, std::string_view sql) {
        return run(owner_.query({what, sql}, {}, soon())).integer(0, 0);
    }

    net::asio::io_context loop_;
    std::string url_ = ::testing::make_database("upgrade");
    postgres::Pool owner_{loop_.get_executor(), settings(url_, "postgres"), nullptr};
    postgres::Pool room_{loop_.get_executor(), settings(url_, "product"), nullptr};
    base::UuidGenerator ids_;
    std::vector<postgres::Migration> steps_ = postgres::read_migrations(PRODUCT_MIGRATIONS);
};

TEST_F(Upgrade, NobodyWaitsLongForIt) {
    Traffic reading;
    Traffic selling;
    int running = 2;
    const auto ended = [&running](std::exception_ptr error) {
        EXPECT_FALSE(error);
        --running;
    };
    net::asio::co_spawn(loop_, read(room_, reading), ended);
    net::asio::co_spawn(loop_, sell(room_, ids_, selling), ended);
    const auto connection = run(owner_.acquire(soon()));
    const auto began = net::SteadyClock::now();
    const auto outcome = run(postgres::migrate(*connection, "product", steps_, soon()));
    const std::chrono::duration<double> took = net::SteadyClock::now() - began;
    reading.is_over = selling.is_over = true;
    while (running > 0) loop_.run_one();
    EXPECT_EQ(outcome.from, 2);
    EXPECT_EQ(outcome.to, static_cast<int>(steps_.size()));
    EXPECT_GT(reading.rounds, 20);
    EXPECT_GT(selling.rounds, 100);
    std::cout << "migrated in " << took.count() << " s; longest wait of " << reading.rounds
              << " readings " << reading.longest_wait.count() << " ms, of " << selling.rounds
              << " sales " << selling.longest_wait.count() << " ms\n";
    EXPECT_LT(reading.longest_wait, longest_wait_max);
    EXPECT_LT(selling.longest_wait, longest_wait_max);

    EXPECT_EQ(count("left", "SELECT count(*) FROM product.products WHERE name_order IS NULL"), 0);
    EXPECT_EQ(count("invalid", "SELECT count(*) FROM pg_index WHERE NOT indisvalid"), 0);
    EXPECT_EQ(count("unequal", "SELECT count(*) FROM product.unequal_products_v1(NULL)"), 0);
    PostgresCatalogue catalogue(room_);
    ProductQuery query;
    query.search = "cafe thing 77777";
    const auto found = run(catalogue.list(query, soon()));
    ASSERT_EQ(found.products.size(), 1u);
    EXPECT_EQ(found.products[0].id, planted(77777));
    query.search = "made meanwhile";
    EXPECT_FALSE(run(catalogue.list(query, soon())).products.empty());
}

}  // namespace
}  // namespace product
