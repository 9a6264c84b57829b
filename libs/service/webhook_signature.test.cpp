#include "service/webhook_signature.hpp"

#include <gtest/gtest.h>

namespace service {
namespace {

constexpr std::string_view secret = "a secret that two rooms share, long enough";
constexpr std::int64_t now_s = 1'800'000'000;

http::Request signed_request(std::string body, std::int64_t time_s = now_s) {
    http::Request request;
    request.headers.add("Webhook-Signature", sign_webhook(secret, time_s, body));
    request.body = std::move(body);
    return request;
}

std::string code_of(const http::Request& request, std::string_view key = secret) {
    const auto checked = check_webhook(request, key, now_s);
    return checked ? "" : checked.error().code;
}

TEST(WebhookSignature, IsTheHmacOfTimeAndBody) {
    // printf %s '1800000000.{}' | openssl dgst -sha256 -hmac key
    EXPECT_EQ(
        sign_webhook("key", now_s, "{}"),
        "t=1800000000,v1=7321475872b03ff21bdc2dfd86ea2d99ec29c479fbe4a77aa6acf4509505493f"
    );
}

TEST(WebhookSignature, PassesWhatWasSigned) {
    EXPECT_EQ(code_of(signed_request("{}")), "");
    EXPECT_EQ(code_of(signed_request("")), "");
    EXPECT_EQ(code_of(signed_request(std::string("\0\xff", 2))), "");
}

TEST(WebhookSignature, RefusesWhatWasNot) {
    http::Request changed = signed_request("{}");
    changed.body = "{ }";
    EXPECT_EQ(code_of(changed), "signature_invalid");
    EXPECT_EQ(code_of(signed_request("{}"), "another secret"), "signature_invalid");
    EXPECT_EQ(code_of(http::Request{}), "signature_invalid");

    http::Request other_time = signed_request("{}", now_s - 1);
    std::string header(*other_time.headers.get("Webhook-Signature"));
    header.replace(header.find("t=") + 2, 10, "1800000000");
    other_time.headers.set("Webhook-Signature", header);
    EXPECT_EQ(code_of(other_time), "signature_invalid") << "the time is signed too";

    http::Request twice = signed_request("{}");
    twice.headers.add("Webhook-Signature", sign_webhook(secret, now_s, "{}"));
    EXPECT_EQ(code_of(twice), "signature_invalid");
}

TEST(WebhookSignature, RefusesWhatIsNoSignature) {
    const std::string good = sign_webhook(secret, now_s, "{}");
    for (const std::string& header :
         {std::string(),
          std::string("t="),
          std::string("t=1,v1="),
          "v1=" + good.substr(16),
          good.substr(0, good.size() - 1),
          good + "0",
          " " + good,
          good + ",v1=00",
          std::string("t=-5,v1=00"),
          std::string("t=99999999999999999999,v1=00")}) {
        http::Request request;
        request.headers.add("Webhook-Signature", header);
        request.body = "{}";
        EXPECT_EQ(code_of(request), "signature_invalid") << header;
    }
}

TEST(WebhookSignature, IsWorthNothingLater) {
    EXPECT_EQ(code_of(signed_request("{}", now_s - webhook_tolerance_s)), "");
    EXPECT_EQ(code_of(signed_request("{}", now_s + webhook_tolerance_s)), "");
    EXPECT_EQ(code_of(signed_request("{}", now_s - webhook_tolerance_s - 1)), "signature_expired");
    EXPECT_EQ(code_of(signed_request("{}", now_s + webhook_tolerance_s + 1)), "signature_expired");
}

}  // namespace
}  // namespace service
