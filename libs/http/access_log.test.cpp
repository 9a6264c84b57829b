#include "http/access_log.hpp"

#include <array>
#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "json/json.hpp"
#include "net/event.hpp"
#include "testing/run_on_loop.hpp"

namespace {

class AccessLogTest : public testing::Test {
  protected:
    AccessLogTest() {
        EXPECT_EQ(::pipe2(pipe.data(), O_NONBLOCK), 0);
        // The log must not rely on that for its own end.
        EXPECT_EQ(::fcntl(pipe[1], F_SETFL, 0), 0);
        request.method = "GET";
        request.path = "/secret/path";
        request.query = "token=secret";
        request.route_pattern = "/api/v1/orders/{id}";
        request.request_id = "request-1";
        request.remote_address = "192.0.2.1";
        request.trace = http::TraceContext::make();
        request.headers.add("Authorization", "Bearer secret");
    }
    ~AccessLogTest() override {
        ::close(pipe[0]);
        ::close(pipe[1]);
    }

    http::AccessLog log(http::AccessLogMode mode, std::int64_t sample_every = 100) {
        return {loop.get_executor(), "gateway", {mode, sample_every}, metrics, pipe[1]};
    }

    std::string written() {
        std::string text;
        std::array<char, 65536> bytes;
        for (;;) {
            const auto count = ::read(pipe[0], bytes.data(), bytes.size());
            if (count <= 0) return text;
            text.append(bytes.data(), static_cast<std::size_t>(count));
        }
    }

    net::asio::io_context loop;
    metrics::Registry metrics;
    http::Request request;
    std::array<int, 2> pipe{};
};

TEST_F(AccessLogTest, WhatACallerCutShortIsNoError) {
    auto errors = log(http::AccessLogMode::errors);
    request.notes.is_cut_short = true;
    errors.add(request, 503, 1, 1);
    errors.flush();
    EXPECT_EQ(written(), "");
    auto all = log(http::AccessLogMode::on);
    all.add(request, 503, 1, 1);
    all.flush();
    EXPECT_NE(written().find("\"level\":\"info\""), std::string::npos);
    request.notes.is_cut_short = false;
    errors.add(request, 503, 1, 1);
    errors.flush();
    EXPECT_NE(written().find("\"status\":503"), std::string::npos);
}

TEST_F(AccessLogTest, WritesOneJsonObjectARequest) {
    auto access = log(http::AccessLogMode::on);
    request.notes.client_address = "203.0.113.9";
    request.notes.account_id = base::Uuid{{1}};
    request.notes.upstream = "10.0.0.1:8080";
    request.notes.upstream_requests = 2;
    access.add(request, 201, 17, 1234);
    EXPECT_EQ(written(), "") << "gathered";
    testing::run_on_loop(loop, net::sleep_for(std::chrono::milliseconds(150)));
    const auto text = written();
    ASSERT_TRUE(text.ends_with("}\n")) << text;
    EXPECT_EQ(text.find("secret"), std::string::npos) << text;
    const auto line = json::parse(text).value();
    EXPECT_EQ(line.at("service").as_string(), "gateway");
    EXPECT_EQ(line.at("method").as_string(), "GET");
    EXPECT_EQ(line.at("route").as_string(), "/api/v1/orders/{id}");
    EXPECT_EQ(line.at("status").as_int64(), 201);
    EXPECT_EQ(line.at("bytes").as_int64(), 17);
    EXPECT_EQ(line.at("duration_us").as_int64(), 1234);
    EXPECT_EQ(line.at("request_id").as_string(), "request-1");
    EXPECT_EQ(line.at("trace_id").as_string(), request.trace.trace_id());
    EXPECT_EQ(line.at("client").as_string(), "203.0.113.9");
    EXPECT_EQ(line.at("account_id").as_string(), "01000000-0000-0000-0000-000000000000");
    EXPECT_EQ(line.at("upstream").as_string(), "10.0.0.1:8080");
    EXPECT_EQ(line.at("retries").as_int64(), 1);
}

TEST_F(AccessLogTest, ChoosesByMode) {
    const auto lines = [&](http::AccessLogMode mode) {
        {
            auto access = log(mode, 4);
            for (int each = 0; each < 8; ++each) access.add(request, 200, 0, 0);
            access.add(request, 503, 0, 0);
        }
        const auto text = written();
        return std::ranges::count(text, '\n');
    };
    EXPECT_EQ(lines(http::AccessLogMode::off), 0);
    EXPECT_EQ(lines(http::AccessLogMode::errors), 1);
    EXPECT_EQ(lines(http::AccessLogMode::sampled), 3);
    EXPECT_EQ(lines(http::AccessLogMode::on), 9);
}

TEST_F(AccessLogTest, LimitsWhatErrorsWriteASecond) {
    {
        http::AccessLogSettings settings{http::AccessLogMode::errors, 1, 5};
        http::AccessLog access{loop.get_executor(), "gateway", settings, metrics, pipe[1]};
        for (int each = 0; each < 50; ++each) access.add(request, 503, 0, 0);
        // A fifth of a second is a line more.
        testing::run_on_loop(loop, net::sleep_for(std::chrono::milliseconds(250)));
        access.add(request, 503, 0, 0);
    }
    const auto text = written();
    const auto lines = std::ranges::count(text, '\n');
    EXPECT_GE(lines, 6);
    EXPECT_LE(lines, 8) << "where this machine is slow";
    const auto dropped = "outcome=\"dropped\"} " + std::to_string(51 - lines) + "\n";
    EXPECT_NE(metrics.text().find(dropped), std::string::npos) << metrics.text();
}

TEST_F(AccessLogTest, NeverWaitsForItsReader) {
    auto access = log(http::AccessLogMode::on);
    for (int each = 0; each < 20000; ++each) access.add(request, 200, 0, 0);
    EXPECT_NE(
        metrics.text().find("doorbuster_access_log_lines_total{outcome=\"dropped\"}"),
        std::string::npos
    );
    std::string text = written();
    for (int each = 0; each < 100; ++each) {
        access.flush();
        text += written();
    }
    EXPECT_GT(text.size(), 1000000U);
    std::size_t from = 0;
    for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', from)) {
        ASSERT_TRUE(json::parse(text.substr(from, end - from)).has_value());
        from = end + 1;
    }
    EXPECT_EQ(from, text.size()) << "whole lines";
}

}  // namespace
