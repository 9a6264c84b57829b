#include "cli/shop_client.hpp"

#include <set>

#include <boost/json/object.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/catalogue.hpp"
#include "cli/command.hpp"
#include "cli/sale.hpp"
#include "http/problem.hpp"
#include "http/server.hpp"

namespace cli {
namespace {

using ::testing::HasSubstr;

const std::string id = "0193aaaa-bbbb-7ccc-8ddd-eeeeffff0001";

/// A shop of a few lines on the loop of the test.
class FakeShop {
  public:
    FakeShop() {
        add("GET", "/api/v1/products", &FakeShop::list);
        add("POST", "/api/v1/products", &FakeShop::make);
        add("POST", "/api/v1/flash-sales", &FakeShop::open);
        add("GET", "/api/v1/flash-sales/{id}", &FakeShop::show);
        server_.emplace(loop.get_executor(), http::ServerLimits{}, router_, nullptr, "shop");
        server_->listen("127.0.0.1", 0);
        client.emplace(
            loop.get_executor(), ShopAccess{{"127.0.0.1", server_->port()}, "token of an admin"}
        );
    }

    net::asio::io_context loop{1};
    std::optional<ShopClient> client;
    int busy = 0;       ///< so many answers are 503
    int preparing = 0;  ///< so many times the sale is shown as not open yet
    bool refuses = false;
    std::set<std::string> keys;
    std::vector<std::string> products;

  private:
    using Step = http::Response (FakeShop::*)(const http::Request&);

    void add(const char* method, const char* pattern, Step step) {
        router_.add(method, pattern, [this, step](http::Request& request) {
            return answer(this, &request, step);
        });
    }

    static net::awaitable<http::Response> answer(
        FakeShop* shop, http::Request* request, Step step
    ) {
        if (const auto key = request->headers.get("Idempotency-Key")) shop->keys.emplace(*key);
        if (shop->busy > 0) {
            --shop->busy;
            http::Problem problem;
            problem.status = 503;
            problem.code = "busy";
            co_return http::to_response(problem);
        }
        co_return (shop->*step)(*request);
    }

    http::Response list(const http::Request&) {
        std::string text;
        for (const auto& product : products) text += (text.empty() ? "" : ",") + product;
        return http::json_response(200, "{\"products\":[" + text + "]}");
    }

    http::Response make(const http::Request& request) {
        if (request.headers.get("Authorization") != "Bearer token of an admin") {
            return http::json_response(401, "{}");
        }
        auto product = json::parse(request.body)->get_object();
        product["id"] = id;
        products.push_back(json::serialize(product));
        return http::json_response(201, products.back());
    }

    http::Response open(const http::Request&) { return sale(201); }
    http::Response show(const http::Request&) { return sale(200); }

    http::Response sale(int status) {
        std::string state = refuses ? "refused" : "scheduled";
        if (preparing > 0) {
            --preparing;
            state = "preparing";
        }
        return http::json_response(
            status,
            R"({"id":")" + id + R"(","state":")" + state +
                R"(","remaining":5,"units":9,"seq":2,"refusal":"not_enough_stock"})"
        );
    }

    http::Router router_;
    std::optional<http::Server> server_;
};

SaleOptions sale_options() {
    SaleOptions options;
    options.product = id;
    options.units = 9;
    options.price_cents = 100;
    return options;
}

TEST(ShopClient, asks_a_busy_shop_again_with_the_same_key) {
    FakeShop shop;
    shop.busy = 2;
    const auto made =
        run(shop.loop,
            shop.client->post("/api/v1/products", product_body(catalogue_items()[0]), "k"));
    EXPECT_EQ(text_member(made, "id"), id);
    EXPECT_EQ(shop.keys, std::set<std::string>{"k"});
    EXPECT_EQ(shop.products.size(), 1U);
}

TEST(ShopClient, an_unknown_route_is_a_failure_in_words) {
    FakeShop shop;
    try {
        run(shop.loop, shop.client->get("/nowhere"));
        FAIL();
    } catch (const Failure& failure) {
        EXPECT_THAT(failure.what(), HasSubstr("GET /nowhere: 404"));
    }
}

TEST(ShopClient, a_refusal_shows_code_field_and_remedy) {
    http::OutgoingRequest request;
    request.method = "POST";
    request.target = "/x";
    http::Response response{.status = 400, .headers = {}, .body = {}};
    response.body = R"({"code":"invalid_field","field":"units","detail":"Must be positive."})";
    EXPECT_EQ(
        describe_refusal(request, response), "POST /x: 400 invalid_field units Must be positive."
    );
    response.body = "<html>";
    EXPECT_EQ(describe_refusal(request, response), "POST /x: 400");
    response.status = 401;
    EXPECT_THAT(describe_refusal(request, response), HasSubstr("doorbuster admin token"));
}

TEST(Catalogue, is_seeded_once) {
    FakeShop shop;
    const auto first = run(shop.loop, seed_catalogue(*shop.client));
    EXPECT_EQ(first.size(), catalogue_items().size());
    EXPECT_TRUE(first.front().created);
    EXPECT_EQ(shop.keys.size(), catalogue_items().size());
    const auto again = run(shop.loop, seed_catalogue(*shop.client));
    EXPECT_EQ(again.size(), first.size());
    EXPECT_FALSE(again.front().created);
    EXPECT_EQ(shop.products.size(), catalogue_items().size());
}

TEST(Sale, create_waits_until_the_units_are_set_aside) {
    FakeShop shop;
    shop.preparing = 2;
    const auto sale = run(shop.loop, create_sale(*shop.client, sale_options()));
    EXPECT_EQ(text_member(sale, "state"), "scheduled");
    EXPECT_EQ(shop.keys.size(), 1U);
    EXPECT_THAT(sale_line(sale), HasSubstr("5 of 9 left"));
}

TEST(Sale, create_fails_when_product_refuses_or_never_answers) {
    FakeShop shop;
    shop.refuses = true;
    try {
        run(shop.loop, create_sale(*shop.client, sale_options()));
        FAIL();
    } catch (const Failure& failure) {
        EXPECT_THAT(failure.what(), HasSubstr("not_enough_stock"));
    }
    shop.preparing = 1000;
    auto options = sale_options();
    options.wait_s = 0;
    try {
        run(shop.loop, create_sale(*shop.client, options));
        FAIL();
    } catch (const Failure& failure) {
        EXPECT_THAT(failure.what(), HasSubstr("still preparing"));
    }
}

TEST(Sale, body_has_what_the_contract_asks_for) {
    auto options = sale_options();
    options.starts_in_s = 60;
    options.lasts_s = 600;
    const auto body = json::parse(sale_body(options, 1795341600000));
    ASSERT_TRUE(body.has_value());
    EXPECT_EQ(text_member(*body, "product_id"), id);
    EXPECT_EQ(integer_member(*body, "units"), 9);
    EXPECT_EQ(text_member(*body, "starts_at"), "2026-11-22T10:01:00.000Z");
    EXPECT_EQ(text_member(*body, "ends_at"), "2026-11-22T10:11:00.000Z");
    EXPECT_EQ(integer_member(*body, "hold_ms"), 600000);
}

TEST(Sale, body_refuses_what_cannot_be) {
    auto options = sale_options();
    options.product = "7";
    EXPECT_THROW(sale_body(options, 0), UsageError);
    options = sale_options();
    options.starts_at = "tomorrow";
    EXPECT_THROW(sale_body(options, 0), UsageError);
}

}  // namespace
}  // namespace cli
