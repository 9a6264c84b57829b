#include "payment/api/routes.hpp"

#include <map>

#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "json/json.hpp"
#include "payment/store/test_sandbox.test.hpp"
#include "testing/contract.hpp"
#include "token/digest.hpp"

namespace payment::api {
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

/// The whole room but its frame and its courier: requests go straight to the router.
class Api : public ::testing::Test {
  protected:
    struct Answer {
        int status = 0;
        json::Object body;

        std::string text(std::string_view name) const {
            const auto* value = body.if_contains(name);
            return value && value->is_string() ? std::string(value->get_string()) : "";
        }
    };

    Answer send(
        const std::string& method,
        const std::string& path,
        const std::string& body = "",
        bool with_credential = true,
        std::chrono::milliseconds time = std::chrono::seconds(30)
    ) {
        http::Request request;
        request.method = method;
        request.target = path;
        request.path = path;
        request.body = body;
        request.deadline = net::deadline_in(time);
        if (with_credential) {
            request.headers.add(
                "Authorization", service::service_authorization("order", service_secret)
            );
        }
        const auto response = sandbox_.run(router_.handle(request));
        const auto document = json::parse(response.body);
        EXPECT_TRUE(document.has_value()) << response.body;
        return {response.status, document->as_object()};
    }

    static std::string charge(
        const std::string& key, const std::string& method, std::int64_t amount_cents = 4900
    ) {
        return R"({"key":")" + key + R"(","amount_cents":)" + std::to_string(amount_cents) +
               R"(,"currency":"EUR","method":")" + method + R"("})";
    }

    TestSandbox sandbox_;
    service::ServiceCallers callers_ = accepted_callers();
    ChargeLedger ledger_{*sandbox_.room};
    ChargeBatches batches_{sandbox_.loop.get_executor(), ledger_, {}};
    Timings timings_{.slow_verdict_ms = 30, .webhook_lead_ms = 30, .late_webhook_ms = 60};
    Parts parts_{callers_, ledger_, batches_, timings_, sandbox_.ids};
    http::Router router_ = make_router(parts_);
};

TEST_F(Api, RoutesAreThoseOfTheContract) {
    std::set<std::string> served;
    for (const auto& route : router_.routes()) served.insert(route.method + " " + route.pattern);
    EXPECT_EQ(served, ::testing::contract_operations(PAYMENT_CONTRACT));
}

TEST_F(Api, IsForTheShopOnly) {
    EXPECT_EQ(send("POST", "/v1/charges", charge("a:1", "sandbox:approve"), false).status, 401);
    EXPECT_EQ(send("GET", "/v1/charges/a:1", "", false).status, 401);
    EXPECT_EQ(send("POST", "/v1/charges/a:1/void", "", false).status, 401);
    const auto refused = send("POST", "/v1/charges/a:1/refund", "", false);
    EXPECT_EQ(refused.status, 401);
    EXPECT_EQ(refused.text("code"), "service_credential_required");
    EXPECT_EQ(sandbox_.number("SELECT count(*) FROM sandbox.charges"), 0);
}

TEST_F(Api, ChargesOnceHoweverOftenItIsAsked) {
    const auto made = send("POST", "/v1/charges", charge("a:1", "sandbox:approve"));
    EXPECT_EQ(made.status, 201);
    EXPECT_EQ(made.text("state"), "charged");
    const auto again = send("POST", "/v1/charges", charge("a:1", "sandbox:approve"));
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(again.body, made.body);
    EXPECT_EQ(send("GET", "/v1/charges/a:1").body, made.body);
}

TEST_F(Api, RefusesAKeyOfAnotherCharge) {
    send("POST", "/v1/charges", charge("a:1", "sandbox:approve"));
    for (const auto& other : {charge("a:1", "sandbox:approve", 1), charge("a:1", "sandbox:slow")}) {
        const auto refused = send("POST", "/v1/charges", other);
        EXPECT_EQ(refused.status, 422);
        EXPECT_EQ(refused.text("code"), "key_reused");
    }
}

TEST_F(Api, NamesTheFieldThatIsWrong) {
    const auto field = [&](const std::string& body) {
        const auto refused = send("POST", "/v1/charges", body);
        EXPECT_EQ(refused.status, 400) << body;
        return refused.text("field");
    };
    EXPECT_EQ(field(charge("a/1", "sandbox:approve")), "key");
    EXPECT_EQ(field(charge("a:1", "sandbox:approve", -1)), "amount_cents");
    EXPECT_EQ(field(charge("a:1", "card")), "method");
    EXPECT_EQ(field(R"({"key":"a"})"), "amount_cents");
    EXPECT_EQ(sandbox_.number("SELECT count(*) FROM sandbox.charges"), 0);
}

TEST_F(Api, KeepsAnswersBackAsTheMethodWants) {
    const auto began = net::SteadyClock::now();
    EXPECT_EQ(send("POST", "/v1/charges", charge("a:1", "sandbox:webhook-first")).status, 201);
    EXPECT_GE(net::SteadyClock::now() - began, std::chrono::milliseconds(30));
    EXPECT_EQ(send("POST", "/v1/charges", charge("b:1", "sandbox:slow")).text("state"), "pending");
    const auto in_vain = send(
        "POST", "/v1/charges", charge("c:1", "sandbox:silent"), true, std::chrono::milliseconds(40)
    );
    EXPECT_EQ(in_vain.status, 503);
    EXPECT_EQ(in_vain.text("code"), "unknown");
    EXPECT_EQ(send("GET", "/v1/charges/c:1").text("state"), "charged");
    EXPECT_EQ(send("POST", "/v1/charges", charge("c:1", "sandbox:silent")).text("state"), "charged")
        << "who asks again is answered";
}

TEST_F(Api, VoidsWhatIsNotChargedAndRefundsWhatIs) {
    const auto code = [&](const std::string& path) { return send("POST", path).text("code"); };
    EXPECT_EQ(send("POST", "/v1/charges/a:1/void").text("state"), "voided");
    EXPECT_EQ(
        send("POST", "/v1/charges", charge("a:1", "sandbox:approve")).text("state"), "voided"
    );
    EXPECT_EQ(code("/v1/charges/a:1/refund"), "not_charged");

    send("POST", "/v1/charges", charge("b:1", "sandbox:approve"));
    EXPECT_EQ(code("/v1/charges/b:1/void"), "charged");
    EXPECT_EQ(send("POST", "/v1/charges/b:1/refund").text("state"), "refunded");
    EXPECT_EQ(send("POST", "/v1/charges/b:1/refund").text("state"), "refunded");
    EXPECT_EQ(code("/v1/charges/b:1/void"), "refunded");

    send("POST", "/v1/charges", charge("c:1", "sandbox:slow"));
    EXPECT_EQ(code("/v1/charges/c:1/refund"), "pending");
    EXPECT_EQ(code("/v1/charges/none/refund"), "charge_unknown");
    EXPECT_EQ(send("GET", "/v1/charges/none").status, 404);
    EXPECT_EQ(send("POST", "/v1/charges/" + std::string(81, 'a') + "/void").status, 404);
}

}  // namespace
}  // namespace payment::api
