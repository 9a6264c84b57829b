// What is left behind when a purchase does not come to its end; whole ones are in tests/e2e.

#include "cli/preflight/smoke_purchase.hpp"

#include <algorithm>
#include <csignal>
#include <functional>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/accounts.hpp"
#include "cli/command.hpp"
#include "cli/preflight/interruption.hpp"
#include "http/server.hpp"
#include "testing/temporary_postgres.hpp"
#include "token/access_token.hpp"

namespace cli::preflight {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A shop whose sale never opens; it stands on the loop of the test.
class StuckShop {
  public:
    StuckShop() {
        add("POST", "/api/v1/products", &StuckShop::make_product);
        add("PATCH", "/api/v1/products/{id}", &StuckShop::change_product);
        add("POST", "/api/v1/flash-sales", &StuckShop::make_sale);
        add("GET", "/api/v1/flash-sales/{id}", &StuckShop::show_sale);
        add("POST", "/api/v1/flash-sales/{id}/end", &StuckShop::end_sale);
        server_.emplace(loop.get_executor(), http::ServerLimits{}, router_, nullptr, "shop");
        server_->listen("127.0.0.1", 0);
        settings.gateway = {"127.0.0.1", server_->port()};
        settings.signing_key = token::SigningKey::generate_pem();
        const std::string url = ::testing::make_database("purchase");
        pool_.emplace(loop.get_executor(), database_settings(url), nullptr);
    }

    void buy(Checks& checks) { run(loop, check_purchase(checks, settings, *pool_)); }

    net::asio::io_context loop{1};
    Settings settings;
    std::function<void()> on_show = [] {};
    int product_status = 201;
    int lost_answers = 0;  ///< so many sales are made, and nobody is told
    int not_open_yet = 0;  ///< so many times the sale can't be ended
    int end_status = 200;
    std::set<std::string> sale_keys;
    bool in_sight = false;
    bool ended = false;

  private:
    using Step = http::Response (StuckShop::*)(const http::Request&);

    void add(const char* method, const char* pattern, Step step) {
        router_.add(method, pattern, [this, step](http::Request& request) {
            return answer(this, &request, step);
        });
    }

    static net::awaitable<http::Response> answer(
        StuckShop* shop, http::Request* request, Step step
    ) {
        co_return (shop->*step)(*request);
    }

    http::Response make_product(const http::Request&) {
        if (product_status != 201) return http::json_response(product_status, "{}");
        return http::json_response(201, R"({"id":"a-product","available":1})");
    }

    http::Response change_product(const http::Request& request) {
        in_sight = request.body == R"({"archived":false})";
        return http::json_response(200, R"({"available":1})");
    }

    http::Response make_sale(const http::Request& request) {
        sale_keys.emplace(*request.headers.get("Idempotency-Key"));
        if (lost_answers > 0) {
            --lost_answers;
            return http::json_response(503, "{}");
        }
        return http::json_response(201, R"({"id":"a-sale","state":"preparing"})");
    }

    http::Response show_sale(const http::Request&) {
        on_show();
        return http::json_response(200, R"({"id":"a-sale","state":"preparing"})");
    }

    http::Response end_sale(const http::Request&) {
        if (not_open_yet > 0) {
            --not_open_yet;
            return http::json_response(409, R"({"code":"not_open"})");
        }
        ended = end_status == 200;
        return http::json_response(end_status, "{}");
    }

    http::Router router_;
    std::optional<http::Server> server_;
    std::optional<postgres::Pool> pool_;
};

Checks checks_for(std::chrono::seconds time) {
    return Checks(net::deadline_in(time), [](std::string_view) {});
}

bool has(const Checks& checks, const std::string& name) {
    return std::ranges::count(checks.findings(), name, &Finding::check) > 0;
}

const Judgement& find(const Checks& checks, const std::string& name) {
    const auto found = std::ranges::find(checks.findings(), name, &Finding::check);
    if (found == checks.findings().end()) throw std::runtime_error("there is no check " + name);
    return found->judgement;
}

TEST(PreflightCleanUp, is_made_also_when_the_time_is_over) {
    StuckShop shop;
    shop.not_open_yet = 2;
    Checks checks = checks_for(std::chrono::seconds(2));
    shop.buy(checks);
    EXPECT_TRUE(checks.is_over());
    EXPECT_THAT(find(checks, "sale of one unit").found, StartsWith("the time was over"));
    EXPECT_EQ(find(checks, "cleaned up").verdict, Verdict::ok) << find(checks, "cleaned up").found;
    EXPECT_TRUE(shop.ended);
    EXPECT_FALSE(shop.in_sight);
}

TEST(PreflightCleanUp, is_made_also_after_a_signal) {
    for (const int signal : {SIGINT, SIGTERM}) {
        StuckShop shop;
        Checks checks = checks_for(std::chrono::seconds(60));
        const Interruption interruption(shop.loop.get_executor(), checks);
        EXPECT_EQ(interruption.exit_code(), 0);
        bool is_sent = false;
        shop.on_show = [&] {
            if (!is_sent) std::raise(signal);
            is_sent = true;
        };
        const auto begin = net::SteadyClock::now();
        shop.buy(checks);
        EXPECT_LT(net::SteadyClock::now() - begin, std::chrono::seconds(5));
        EXPECT_EQ(interruption.exit_code(), 128 + signal);
        EXPECT_THAT(find(checks, "sale of one unit").found, StartsWith("interrupted by SIG"));
        EXPECT_EQ(find(checks, "cleaned up").verdict, Verdict::ok);
        EXPECT_TRUE(shop.ended);
        EXPECT_FALSE(shop.in_sight);
    }
}

TEST(PreflightCleanUp, finds_a_sale_whose_answer_was_lost) {
    StuckShop shop;
    shop.lost_answers = 2;
    Checks checks = checks_for(std::chrono::seconds(60));
    shop.buy(checks);
    EXPECT_THAT(find(checks, "sale of one unit").found, HasSubstr("503"));
    EXPECT_EQ(find(checks, "cleaned up").verdict, Verdict::ok);
    EXPECT_EQ(shop.sale_keys.size(), 1U);
    EXPECT_TRUE(shop.ended);
    EXPECT_FALSE(shop.in_sight);
}

TEST(PreflightCleanUp, archives_the_product_also_if_the_sale_can_not_be_ended) {
    StuckShop shop;
    shop.end_status = 403;
    Checks checks = checks_for(std::chrono::seconds(60));
    shop.on_show = [&] { checks.stop("seen enough"); };
    shop.buy(checks);
    const Judgement& cleaned = find(checks, "cleaned up");
    EXPECT_EQ(cleaned.verdict, Verdict::failed);
    EXPECT_THAT(cleaned.found, HasSubstr("403"));
    EXPECT_EQ(cleaned.fix, "doorbuster sale end a-sale");
    EXPECT_FALSE(shop.in_sight);
}

TEST(PreflightCleanUp, has_nothing_to_do_if_the_product_was_refused) {
    StuckShop shop;
    shop.product_status = 401;
    Checks checks = checks_for(std::chrono::seconds(10));
    shop.buy(checks);
    EXPECT_EQ(find(checks, "scratch product").verdict, Verdict::failed);
    EXPECT_THAT(find(checks, "scratch product").found, HasSubstr("401"));
    EXPECT_FALSE(has(checks, "cleaned up"));
}

}  // namespace
}  // namespace cli::preflight
