#include "gateway/store/rate_limiter.hpp"

#include <gtest/gtest.h>

#include "net/event.hpp"
#include "testing/run_on_loop.hpp"
#include "testing/temporary_redis.hpp"

namespace {

using gateway::Limit;
using gateway::LimitKey;
using gateway::Quota;
using gateway::RateLimiter;
using std::chrono::milliseconds;

constexpr std::int64_t minute_us = 60'000'000;

/// Two gateway pods, with a registry each, and one Redis.
class RateLimiterTest : public testing::Test {
  protected:
    void start(std::int64_t requests) {
        gateway::RateLimiterSettings settings;
        settings.quotas.fill(Quota{requests, minute_us});
        settings.interval_ms = 1;
        settings.redis = redis.settings();
        one.emplace(loop.get_executor(), one_metrics, settings);
        other.emplace(loop.get_executor(), other_metrics, settings);
        one->start();
        other->start();
        wait_for(one_metrics, "doorbuster_redis_connected 1");
        wait_for(other_metrics, "doorbuster_redis_connected 1");
    }

    void wait_for(const metrics::Registry& registry, const std::string& line) {
        const auto end = net::deadline_in(milliseconds(5000));
        while (registry.text().find(line + "\n") == std::string::npos) {
            ASSERT_LT(net::SteadyClock::now(), end) << line;
            pass_time(milliseconds(2));
        }
    }

    void wait_told(const metrics::Registry& registry, int buckets) {
        wait_for(
            registry,
            "doorbuster_gateway_limit_reports_total{outcome=\"told\"} " + std::to_string(buckets)
        );
    }

    void pass_time(milliseconds time) { testing::run_on_loop(loop, net::sleep_for(time)); }

    static int granted(RateLimiter& limiter, const LimitKey& key, int requests) {
        int count = 0;
        for (int each = 0; each < requests; ++each) count += limiter.take(key).is_granted ? 1 : 0;
        return count;
    }

    net::asio::io_context loop;
    testing::TemporaryRedis redis;
    metrics::Registry one_metrics;
    metrics::Registry other_metrics;
    std::optional<RateLimiter> one;
    std::optional<RateLimiter> other;
};

const LimitKey somebody{Limit::purchase, {1}};
const LimitKey another{Limit::purchase, {2}};

TEST_F(RateLimiterTest, PodsShareWhatAClientUses) {
    start(16);
    EXPECT_EQ(granted(*one, somebody, 10), 10);
    wait_told(one_metrics, 1);
    // The other pod learns of them with the answer to its own first report, after two requests.
    EXPECT_EQ(granted(*other, somebody, 2), 2);
    wait_told(other_metrics, 1);
    EXPECT_EQ(granted(*other, somebody, 100), 4) << "16 of both together";
    EXPECT_EQ(granted(*other, another, 100), 16) << "of somebody else nothing is gone";
    wait_told(other_metrics, 3);
    EXPECT_EQ(granted(*one, somebody, 2), 2) << "until it has reported them";
    wait_told(one_metrics, 2);
    EXPECT_EQ(granted(*one, somebody, 100), 0);
}

TEST_F(RateLimiterTest, WhatWasTakenTooMuchIsPaidBack) {
    start(8);
    EXPECT_EQ(granted(*one, somebody, 100), 8);
    EXPECT_EQ(granted(*other, somebody, 100), 8) << "both at once: as many as there are pods";
    wait_told(one_metrics, 1);
    wait_told(other_metrics, 1);
    // Whoever reported last has heard of both.
    const auto wait_us = std::max(one->take(somebody).wait_us, other->take(somebody).wait_us);
    EXPECT_GT(wait_us, minute_us) << "two quotas are gone: the next comes after one has come back";
}

TEST_F(RateLimiterTest, AClientWhoUsesLittleCostsRedisNothing) {
    start(64);
    for (std::uint8_t each = 0; each < 100; ++each) {
        EXPECT_EQ(granted(*one, LimitKey{Limit::purchase, {each, 9}}, 7), 7);
    }
    pass_time(milliseconds(50));
    wait_told(one_metrics, 0);
}

TEST_F(RateLimiterTest, WithoutRedisEachPodKeepsTheLimitAlone) {
    start(8);
    redis.kill_node(0);
    EXPECT_EQ(granted(*one, somebody, 100), 8);
    EXPECT_EQ(granted(*other, somebody, 100), 8);
    wait_for(one_metrics, "doorbuster_gateway_limits_shared 0");
    EXPECT_EQ(granted(*one, another, 100), 8);
    redis.start_node(0);
    wait_for(one_metrics, "doorbuster_redis_connected 1");
    wait_for(other_metrics, "doorbuster_redis_connected 1");
    EXPECT_EQ(granted(*one, LimitKey{Limit::purchase, {3}}, 100), 8);
    wait_for(one_metrics, "doorbuster_gateway_limits_shared 1");
}

TEST_F(RateLimiterTest, ARedisThatHangsDelaysNobody) {
    start(8);
    redis.pause_node(0);
    const auto began = net::SteadyClock::now();
    EXPECT_EQ(granted(*one, somebody, 100), 8);
    EXPECT_LT(net::SteadyClock::now() - began, milliseconds(100));
    wait_for(one_metrics, "doorbuster_gateway_limits_shared 0");
    redis.resume_node(0);
}

}  // namespace
