#include "product/api/routes.hpp"

#include <map>
#include <set>

#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "json/json.hpp"
#include "product/store/test_shop.test.hpp"
#include "testing/contract.hpp"
#include "token/digest.hpp"

namespace product::api {
namespace {

constexpr std::string_view service_secret = "a secret of the order room, long enough";

service::ServiceCallers accepted_callers() {
    const auto digest = base::to_hex(token::sha256(service_secret));
    base::Environment environment([digest](const std::string& name) {
        return name == "ACCEPTED_CALLERS" ? std::optional<std::string>("order=" + digest)
                                          : std::nullopt;
    });
    return service::ServiceCallers::read(environment);
}

/// The whole room but its frame: requests go straight to the router.
class Api : public ::testing::Test {
  protected:
    struct Answer {
        int status = 0;
        json::Object body;
        http::Headers headers;

        std::string header(std::string_view name) const {
            return std::string(headers.get(name).value_or(""));
        }

        std::string text(std::string_view name) const {
            const auto* value = body.if_contains(name);
            return value && value->is_string() ? std::string(value->get_string()) : "";
        }
        std::int64_t integer(std::string_view name) const {
            const auto* value = body.if_contains(name);
            return value && value->is_int64() ? value->get_int64() : -1;
        }
    };

    using Fields = std::map<std::string, std::string>;

    Answer send(
        const std::string& method,
        const std::string& target,
        const std::string& body = "",
        const Fields& headers = {}
    ) {
        http::Request request;
        request.method = method;
        request.target = target;
        request.path = target.substr(0, target.find('?'));
        if (request.path.size() < target.size()) {
            request.query = target.substr(request.path.size() + 1);
        }
        request.body = body;
        request.deadline = TestShop::soon();
        for (const auto& [name, value] : headers) request.headers.add(name, value);
        const auto response = shop_.run(router_.handle(request));
        const auto document = json::parse(response.body);
        EXPECT_TRUE(document.has_value()) << response.body;
        return {response.status, document->as_object(), response.headers};
    }

    Fields as(token::Role role, const std::string& key = "") const {
        token::Claims claims;
        claims.account_id = base::Uuid::parse("01900000-0000-7000-8000-000000000001").value();
        claims.role = role;
        claims.issued_at_s = base::unix_now_ms() / 1000;
        claims.expires_at_s = claims.issued_at_s + 600;
        Fields fields{{"Authorization", "Bearer " + key_.sign(claims)}};
        if (!key.empty()) fields.emplace("Idempotency-Key", key);
        return fields;
    }

    Fields as_admin(const std::string& key = "") const { return as(token::Role::admin, key); }

    Fields as_order() const {
        return {{"Authorization", service::service_authorization("order", service_secret)}};
    }

    std::string make_product(std::int64_t stock) {
        const auto made = send(
            "POST",
            "/api/v1/products",
            R"({"name":"lamp","category":"light","price_cents":1999,"currency":"EUR",)"
            R"("initial_stock":)" +
                std::to_string(stock) + "}",
            as_admin()
        );
        EXPECT_EQ(made.status, 201);
        return made.text("id");
    }

    static std::string reservation(
        const std::string& id, const std::string& product, int quantity
    ) {
        return R"({"id":")" + id + R"(","purpose":"flash_sale","lines":[{"product_id":")" +
               product + R"(","quantity":)" + std::to_string(quantity) + "}]}";
    }

    static std::string settlement(const std::string& product, int sold) {
        return R"({"lines":[{"product_id":")" + product + R"(","sold":)" + std::to_string(sold) +
               "}]}";
    }

    TestShop shop_;
    metrics::Registry metrics_;
    service::Context context_{shop_.loop.get_executor(), metrics_};
    token::SigningKey key_ = token::SigningKey::from_pem(token::SigningKey::generate_pem());
    service::Access access_{context_, {}, key_.jwks()};
    service::ServiceCallers callers_ = accepted_callers();
    PostgresCatalogue catalogue_{*shop_.room};
    PostgresStock stock_{*shop_.room};
    Cursors cursors_{"a key that all pods share, long enough"};
    PageCache pages_{shop_.loop.get_executor(), {}};
    PageCache kept_categories_{shop_.loop.get_executor(), {std::chrono::minutes(10)}};
    Parts parts_{
        access_, callers_, catalogue_, stock_, shop_.ids, cursors_, pages_, kept_categories_
    };
    http::Router router_ = make_router(parts_);
};

TEST_F(Api, RoutesAreThoseOfTheContract) {
    std::set<std::string> served;
    for (const auto& route : router_.routes()) served.insert(route.method + " " + route.pattern);
    EXPECT_EQ(served, ::testing::contract_operations(PRODUCT_CONTRACT));
}

TEST_F(Api, AProductFromCreationToList) {
    const std::string body =
        R"({"name":"Desk lamp","category":"light","price_cents":1999,"currency":"EUR",)"
        R"("initial_stock":5})";
    const auto made = send("POST", "/api/v1/products", body, as_admin("key"));
    ASSERT_EQ(made.status, 201);
    EXPECT_EQ(made.integer("available"), 5);
    EXPECT_EQ(made.text("description"), "");
    const auto again = send("POST", "/api/v1/products", body, as_admin("key"));
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(again.text("id"), made.text("id"));

    const std::string path = "/api/v1/products/" + made.text("id");
    EXPECT_EQ(send("GET", path).text("name"), "Desk lamp");
    const auto changed = send("PATCH", path, R"({"price_cents":1500})", as_admin());
    EXPECT_EQ(changed.status, 200);
    EXPECT_EQ(changed.integer("price_cents"), 1500);
    EXPECT_EQ(changed.integer("version"), 2);
    const auto stale = send("PATCH", path, R"({"price_cents":1,"version":1})", as_admin());
    EXPECT_EQ(stale.status, 409);
    EXPECT_EQ(stale.text("code"), "version_differs");

    const auto list = send("GET", "/api/v1/products?q=desk&category=light&limit=1");
    ASSERT_EQ(list.status, 200);
    ASSERT_EQ(list.body.at("products").as_array().size(), 1u);
    EXPECT_FALSE(list.body.contains("next_cursor"));
}

TEST_F(Api, PagesFollowTheirCursors) {
    for (int number = 0; number < 5; ++number) make_product(number);
    for (const std::string query :
         {"", "&sort=price_asc", "&sort=name", "&q=lamp", "&q=lam&sort=price_desc"}) {
        std::set<std::string> seen;
        std::string target = "/api/v1/products?limit=2" + query;
        std::string first_cursor;
        for (int pages = 1; pages <= 3; ++pages) {
            const auto page = send("GET", target);
            ASSERT_EQ(page.status, 200) << target;
            for (const auto& product : page.body.at("products").as_array()) {
                seen.insert(std::string(product.at("id").as_string()));
            }
            EXPECT_EQ(page.body.contains("next_cursor"), pages < 3);
            if (pages == 1) first_cursor = page.text("next_cursor");
            target = "/api/v1/products?limit=2" + query + "&cursor=" + page.text("next_cursor");
        }
        EXPECT_EQ(seen.size(), 5u) << query;
        // Of another list, or changed: refused, whatever it says.
        for (const std::string& other :
             {"?limit=2&category=light" + query + "&cursor=" + first_cursor,
              "?limit=2" + query + "&cursor=" + first_cursor.substr(1),
              "?limit=2" + query + "&cursor=" + shop_.new_id().to_string()}) {
            const auto refused = send("GET", "/api/v1/products" + other);
            EXPECT_EQ(refused.status, 400) << other;
            EXPECT_EQ(refused.text("field"), "query cursor") << other;
        }
    }
}

TEST_F(Api, ChangesMayNameWhatTheyAreBasedOn) {
    const auto id = make_product(3);
    const std::string path = "/api/v1/products/" + id;
    const auto read = send("GET", path);
    const std::string tag = read.header("ETag");
    EXPECT_EQ(tag, "\"1.3.0\"");
    ASSERT_EQ(send("POST", path + "/restocks", R"({"quantity":2})", as_admin("k")).status, 201);
    EXPECT_NE(send("GET", path).header("ETag"), tag) << "what it shows has changed";

    auto fields = as_admin();
    fields["If-Match"] = tag;
    const auto changed = send("PATCH", path, R"({"price_cents":1500})", fields);
    ASSERT_EQ(changed.status, 200) << "stock moved, the catalogue's data did not";
    EXPECT_EQ(changed.header("ETag"), "\"2.5.0\"");
    const auto stale = send("PATCH", path, R"({"price_cents":1400})", fields);
    EXPECT_EQ(stale.status, 412);
    EXPECT_EQ(stale.text("code"), "precondition_failed");
    EXPECT_EQ(stale.text("field"), "header If-Match");
    EXPECT_EQ(stale.integer("version"), 2);
    fields["If-Match"] = "*";
    EXPECT_EQ(send("PATCH", path, R"({"archived":true})", fields).status, 200);
    fields["If-Match"] = "2";
    EXPECT_EQ(send("PATCH", path, R"({"archived":true})", fields).status, 400);
    fields["If-Match"] = "*";
    const std::string nowhere = "/api/v1/products/" + shop_.new_id().to_string();
    EXPECT_EQ(send("PATCH", nowhere, R"({"archived":true})", fields).status, 404);
    EXPECT_EQ(send("GET", path).integer("price_cents"), 1500);
}

TEST_F(Api, ListsMayBeAMomentOldExceptForAdmins) {
    make_product(1);
    const auto count = [&](const Fields& headers) {
        return send("GET", "/api/v1/products", "", headers).body.at("products").as_array().size();
    };
    EXPECT_EQ(count({}), 1u);
    shop_.make_product(1);  // by another pod
    EXPECT_EQ(count({}), 1u);
    EXPECT_EQ(count(as(token::Role::customer)), 1u);
    EXPECT_EQ(count({{"Authorization", "Bearer nonsense"}}), 1u);
    EXPECT_EQ(count(as_admin()), 2u);
    const auto shown = send("GET", "/api/v1/products");
    EXPECT_EQ(shown.header("Cache-Control"), "public, max-age=1");
    EXPECT_FALSE(shown.header("ETag").empty());
    EXPECT_EQ(
        send("GET", "/api/v1/products", "", as_admin()).header("Cache-Control"), "private, no-cache"
    );
    make_product(1);
    EXPECT_EQ(count({}), 3u) << "a pod's own writes are seen at once";
}

TEST_F(Api, CategoriesAreCounted) {
    make_product(1);
    make_product(1);
    const auto list = send("GET", "/api/v1/categories");
    ASSERT_EQ(list.status, 200);
    ASSERT_EQ(list.body.at("categories").as_array().size(), 1u);
    const auto& category = list.body.at("categories").as_array()[0].as_object();
    EXPECT_EQ(category.at("name").as_string(), "light");
    EXPECT_EQ(category.at("products").as_int64(), 2);
}

TEST_F(Api, CategoriesAreKeptUntilOneChanges) {
    const auto id = make_product(1);
    const auto counted = [&](const Fields& who) {
        const auto list = send("GET", "/api/v1/categories", "", who);
        return list.body.at("categories").as_array().at(0).as_object().at("products").as_int64();
    };
    EXPECT_EQ(counted({}), 1);
    shop_.look(
        {"of_another_pod",
         "INSERT INTO product.products (id, name, description, category, price_cents, currency,"
         " image, stock, created_by)"
         " VALUES (gen_random_uuid(), 'lamp', '', 'light', 1, 'EUR', '', 0, 't')"}
    );
    const std::string path = "/api/v1/products/" + id;
    EXPECT_EQ(send("PATCH", path, R"({"price_cents":1})", as_admin()).status, 200);
    EXPECT_EQ(counted({}), 1) << "a price changes no count";
    EXPECT_EQ(counted(as_admin()), 2);
    EXPECT_EQ(send("PATCH", path, R"({"archived":true})", as_admin()).status, 200);
    EXPECT_EQ(send("PATCH", path, R"({"archived":false})", as_admin()).status, 200);
    EXPECT_EQ(counted({}), 2);
}

TEST_F(Api, OnlyAdminsChangeTheCatalogue) {
    const auto id = make_product(1);
    const std::vector<std::pair<std::string, std::string>> endpoints{
        {"POST", "/api/v1/products"},
        {"PATCH", "/api/v1/products/" + id},
        {"POST", "/api/v1/products/" + id + "/restocks"}
    };
    for (const auto& [method, target] : endpoints) {
        EXPECT_EQ(send(method, target, "{}").text("code"), "token_missing");
        const auto customer = send(method, target, "{}", as(token::Role::customer));
        EXPECT_EQ(customer.status, 403);
        EXPECT_EQ(send(method, target, "{}", as_order()).status, 401);
    }
}

TEST_F(Api, BadInputNamesTheFieldAndChangesNothing) {
    const auto id = make_product(3);
    const std::string products = "/api/v1/products";
    const std::string restocks = products + "/" + id + "/restocks";
    struct Case {
        std::string method, target, body;
        Fields headers;
        int status;
        std::string code, field;
    };
    const std::vector<Case> cases{
        {"POST", products, "{", as_admin(), 400, "invalid_body", ""},
        {"POST", products, R"({"name":"x"})", as_admin(), 400, "invalid_body", "category"},
        {"POST",
         products,
         R"({"name":"x","category":"y","price_cents":-1,"currency":"EUR"})",
         as_admin(),
         400,
         "invalid_field",
         "price_cents"},
        {"POST",
         products,
         "{}",
         as_admin("two words"),
         400,
         "invalid_field",
         "header Idempotency-Key"},
        {"GET", products + "?limit=101", "", {}, 400, "invalid_field", "query limit"},
        {"GET", products + "?limit=1x", "", {}, 400, "invalid_field", "query limit"},
        {"GET", products + "?cursor=x", "", {}, 400, "invalid_field", "query cursor"},
        {"GET", products + "?sort=price", "", {}, 400, "invalid_field", "query sort"},
        {"GET", products + "?sort=relevance", "", {}, 400, "invalid_field", "query sort"},
        {"GET", products + "?q=%ff", "", {}, 400, "invalid_field", "query q"},
        {"GET", products + "?q=%00", "", {}, 400, "invalid_field", "query q"},
        {"GET", products + "/x", "", {}, 404, "product_unknown", ""},
        {"PATCH", products + "/" + id, "{}", as_admin(), 400, "invalid_field", ""},
        {"POST",
         restocks,
         R"({"quantity":1})",
         as_admin(),
         400,
         "invalid_field",
         "header Idempotency-Key"},
        {"POST", restocks, R"({"quantity":0})", as_admin("k"), 400, "invalid_field", "quantity"},
        {"POST",
         restocks,
         R"({"quantity":1,"reason":""})",
         as_admin("k"),
         400,
         "invalid_field",
         "reason"},
        {"POST",
         products,
         R"({"name":"x","category":"y","price_cents":1,"currency":"EUR","image":"data:,"})",
         as_admin(),
         400,
         "invalid_field",
         "image"},
        {"POST", restocks, R"({"quantity":-4})", as_admin("k"), 409, "below_reserved", "quantity"},
        {"POST", restocks, R"({"quantity":1.5})", as_admin("k"), 400, "invalid_body", "quantity"},
    };
    for (const Case& wrong : cases) {
        const auto answer = send(wrong.method, wrong.target, wrong.body, wrong.headers);
        EXPECT_EQ(answer.status, wrong.status) << wrong.target << wrong.body;
        EXPECT_EQ(answer.text("code"), wrong.code) << wrong.target << wrong.body;
        EXPECT_EQ(answer.text("field"), wrong.field) << wrong.target << wrong.body;
    }
    EXPECT_EQ(send("GET", products + "/" + id).integer("stock"), 3);
    EXPECT_EQ(send("GET", products).body.at("products").as_array().size(), 1u);
}

TEST_F(Api, RestocksNeedAKey) {
    const auto id = make_product(3);
    const std::string target = "/api/v1/products/" + id + "/restocks";
    const auto made = send("POST", target, R"({"quantity":7})", as_admin("k"));
    EXPECT_EQ(made.status, 201);
    EXPECT_EQ(made.integer("stock"), 10);
    const auto again = send("POST", target, R"({"quantity":7})", as_admin("k"));
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(again.body, made.body);
    const auto other = send("POST", target, R"({"quantity":8})", as_admin("k"));
    EXPECT_EQ(other.status, 422);
    EXPECT_EQ(other.text("code"), "key_reused");

    const std::string damaged = R"({"quantity":-1,"reason":"damaged"})";
    const auto taken = send("POST", target, damaged, as_admin("d"));
    EXPECT_EQ(taken.status, 201);
    EXPECT_EQ(taken.text("reason"), "damaged");
    EXPECT_EQ(send("POST", target, damaged, as_admin("d")).body, taken.body);
    const auto unexplained = send("POST", target, R"({"quantity":-1})", as_admin("d"));
    EXPECT_EQ(unexplained.text("code"), "key_reused") << "the reason is part of the request";
}

TEST_F(Api, AReservationFromCreationToSettlement) {
    const auto product = make_product(10);
    const std::string id = shop_.new_id().to_string();
    const std::string all = "/internal/v1/reservations";
    const std::string one = all + "/" + id;
    EXPECT_EQ(send("GET", one, "", as_order()).text("code"), "reservation_unknown");

    const auto greedy = send("POST", all, reservation(id, product, 11), as_order());
    EXPECT_EQ(greedy.status, 409);
    EXPECT_EQ(greedy.text("code"), "not_enough_stock");
    EXPECT_EQ(greedy.text("product_id"), product);
    EXPECT_EQ(greedy.integer("available"), 10);

    const auto made = send("POST", all, reservation(id, product, 8), as_order());
    ASSERT_EQ(made.status, 201);
    EXPECT_EQ(made.text("state"), "open");
    EXPECT_FALSE(made.body.contains("expires_at"));
    const auto again = send("POST", all, reservation(id, product, 8), as_order());
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(again.body, made.body);
    const auto other = send("POST", all, reservation(id, product, 7), as_order());
    EXPECT_EQ(other.status, 409);
    EXPECT_EQ(other.text("code"), "reservation_differs");
    EXPECT_EQ(send("GET", "/api/v1/products/" + product).integer("available"), 2);

    const auto settled = send("POST", one + "/settle", settlement(product, 6), as_order());
    ASSERT_EQ(settled.status, 200);
    EXPECT_EQ(settled.text("state"), "settled");
    const auto repeated = send("POST", one + "/settle", settlement(product, 6), as_order());
    EXPECT_EQ(repeated.status, 200);
    EXPECT_EQ(repeated.body, settled.body);
    const auto different = send("POST", one + "/settle", settlement(product, 5), as_order());
    EXPECT_EQ(different.status, 409);
    EXPECT_EQ(different.text("code"), "settled_differently");
    const auto late = send("POST", all, reservation(id, product, 8), as_order());
    EXPECT_EQ(late.status, 409);
    EXPECT_EQ(late.text("code"), "reservation_closed");
    EXPECT_EQ(late.text("state"), "settled");
    EXPECT_EQ(send("GET", one, "", as_order()).body, settled.body);
    EXPECT_EQ(send("GET", "/api/v1/products/" + product).integer("available"), 4);
    EXPECT_EQ(shop_.books_out_of_balance(), 0);
}

TEST_F(Api, ReturnsComeBackOnce) {
    const auto product = make_product(1);
    const std::string body = R"({"id":")" + shop_.new_id().to_string() + R"(","order_id":")" +
                             shop_.new_id().to_string() + R"(","lines":[{"product_id":")" +
                             product + R"(","quantity":2}]})";
    const auto made = send("POST", "/internal/v1/returns", body, as_order());
    ASSERT_EQ(made.status, 201);
    const auto again = send("POST", "/internal/v1/returns", body, as_order());
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(again.body, made.body);
    EXPECT_EQ(send("GET", "/api/v1/products/" + product).integer("stock"), 3);
}

TEST_F(Api, InternalEndpointsNeedAServiceCredential) {
    const std::string id = shop_.new_id().to_string();
    const std::vector<std::pair<std::string, std::string>> endpoints{
        {"POST", "/internal/v1/reservations"},
        {"GET", "/internal/v1/reservations/" + id},
        {"POST", "/internal/v1/reservations/" + id + "/settle"},
        {"POST", "/internal/v1/returns"}
    };
    for (const auto& [method, target] : endpoints) {
        EXPECT_EQ(send(method, target, "{}").text("code"), "service_credential_required");
        EXPECT_EQ(send(method, target, "{}", as_admin()).status, 401) << "not for people";
        const Fields wrong{
            {"Authorization",
             service::service_authorization("order", "a secret of somebody else, made up")}
        };
        EXPECT_EQ(send(method, target, "{}", wrong).status, 401);
    }
}

TEST_F(Api, BadReservationsNameTheField) {
    const auto product = make_product(1);
    const std::string id = shop_.new_id().to_string();
    const auto field_of = [&](const std::string& body) {
        const auto answer = send("POST", "/internal/v1/reservations", body, as_order());
        EXPECT_EQ(answer.status, 400) << body;
        return answer.text("field");
    };
    EXPECT_EQ(field_of(reservation("x", product, 1)), "id");
    EXPECT_EQ(field_of(reservation(id, "x", 1)), "lines[0].product_id");
    EXPECT_EQ(field_of(reservation(id, product, 0)), "lines[0].quantity");
    EXPECT_EQ(field_of(R"({"id":")" + id + R"(","purpose":"order","lines":[]})"), "lines");
    EXPECT_EQ(field_of(R"({"id":")" + id + R"(","purpose":"gift","lines":[]})"), "purpose");
    const auto negative = send(
        "POST", "/internal/v1/reservations/" + id + "/settle", settlement(product, -1), as_order()
    );
    EXPECT_EQ(negative.status, 400);
    EXPECT_EQ(negative.text("field"), "lines[0].sold");
}

}  // namespace
}  // namespace product::api
