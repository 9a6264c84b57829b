#include "gateway/api/pages.hpp"

#include <gtest/gtest.h>

#include "testing/run_on_loop.hpp"

namespace {

class PagesTest : public testing::Test {
  protected:
    PagesTest() {
        router.add("GET", "/api", gateway::api_page());
        router.add("GET", "/api/{contract}", gateway::contract_page());
    }

    http::Response ask(const std::string& path, const std::string& encoding = "") {
        http::Request request;
        request.method = "GET";
        request.path = path;
        if (!encoding.empty()) request.headers.add("Accept-Encoding", encoding);
        return testing::run_on_loop(loop, router.handle(request));
    }

    net::asio::io_context loop;
    http::Router router;
};

TEST_F(PagesTest, ShowsWhatCanBeReached) {
    const auto page = ask("/api");
    EXPECT_EQ(page.status, 200);
    EXPECT_EQ(page.headers.get("Content-Type"), "text/html; charset=utf-8");
    for (const auto* part :
         {"/api/v1/flash-sales/{id}/orders",
          "sold_out",
          "curl -s",
          "Idempotency-Key",
          "/api/auth.openapi.yaml",
          "prefers-color-scheme: dark",
          "name=\"viewport\""}) {
        EXPECT_NE(page.body.find(part), std::string::npos) << part;
    }
    EXPECT_EQ(page.body.find("/internal/"), std::string::npos) << "rooms' own paths are no part";
}

TEST_F(PagesTest, ForbidsItselfWhatIsNotInIt) {
    const auto page = ask("/api");
    const auto policy = page.headers.get("Content-Security-Policy").value_or("");
    EXPECT_TRUE(policy.starts_with("default-src 'none'; style-src 'sha256-")) << policy;
    EXPECT_EQ(policy.find("unsafe"), std::string_view::npos);
    for (const auto* part : {"src=", "@import", "url(", " style=", " onclick=", "http-equiv"}) {
        EXPECT_EQ(page.body.find(part), std::string::npos) << part;
    }
}

TEST_F(PagesTest, HasAVersionAndIsCompressedAlready) {
    const auto plain = ask("/api");
    const auto packed = ask("/api", "gzip");
    EXPECT_EQ(packed.headers.get("Content-Encoding"), "gzip");
    EXPECT_LT(packed.body.size(), plain.body.size() / 3);
    EXPECT_EQ(plain.headers.get("ETag"), packed.headers.get("ETag"));
    EXPECT_TRUE(plain.headers.get("ETag").value_or("").starts_with("W/\""));
}

TEST_F(PagesTest, HandsOutTheContracts) {
    for (const auto* room : {"auth", "echo", "gateway", "order", "product"}) {
        const auto contract = ask(std::string("/api/") + room + ".openapi.yaml");
        EXPECT_EQ(contract.status, 200) << room;
        EXPECT_EQ(contract.headers.get("Content-Type"), "application/yaml");
        EXPECT_TRUE(contract.body.starts_with("openapi: 3.1.0\n"));
    }
    EXPECT_EQ(ask("/api/none.openapi.yaml").status, 404);
    EXPECT_EQ(ask("/api/payment.openapi.yaml").status, 404) << "nobody outside can ask it";
    EXPECT_EQ(ask("/api/auth").status, 404);
}

}  // namespace
