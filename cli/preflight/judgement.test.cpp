// Facts in, verdict out: each threshold from both sides.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/preflight/clock_skew.hpp"
#include "cli/preflight/database_judgement.hpp"
#include "cli/preflight/latency.hpp"
#include "cli/preflight/redis_judgement.hpp"
#include "cli/preflight/room_judgement.hpp"
#include "token/access_token.hpp"

namespace cli::preflight {
namespace {

using ::testing::HasSubstr;

void expect(const Judgement& judgement, Verdict verdict) {
    EXPECT_EQ(judgement.verdict, verdict) << judgement.found;
    EXPECT_FALSE(judgement.found.empty());
    EXPECT_EQ(judgement.fix.empty(), verdict == Verdict::ok) << judgement.fix;
}

TEST(PreflightDatabase, version_and_switches) {
    expect(judge_version(150000, "15.0"), Verdict::ok);
    expect(judge_version(140012, "14.12"), Verdict::failed);
    expect(judge_switch("fsync", "on", "loss"), Verdict::ok);
    expect(judge_switch("fsync", "off", "loss"), Verdict::failed);
}

TEST(PreflightDatabase, synchronous_commit_counts_for_every_role) {
    for (const char* value : {"on", "local", "remote_write", "remote_apply"}) {
        expect(judge_synchronous_commit(value, {}), Verdict::ok);
    }
    expect(judge_synchronous_commit("off", {}), Verdict::failed);
    const auto hidden = judge_synchronous_commit("on", {"role orders: synchronous_commit=off"});
    expect(hidden, Verdict::failed);
    EXPECT_THAT(hidden.found, HasSubstr("role orders"));
    expect(judge_synchronous_commit("on", {"role orders: synchronous_commit=on"}), Verdict::ok);
}

TEST(PreflightDatabase, takes_writes) {
    expect(judge_takes_writes(false, false, {}), Verdict::ok);
    expect(judge_takes_writes(true, false, {}), Verdict::failed);
    expect(judge_takes_writes(false, true, {}), Verdict::failed);
    expect(
        judge_takes_writes(false, false, {"database shop: default_transaction_read_only=on"}),
        Verdict::failed
    );
    expect(
        judge_takes_writes(false, false, {"database shop: default_transaction_read_only=off"}),
        Verdict::ok
    );
}

TEST(PreflightDatabase, tables) {
    expect(judge_tables({}), Verdict::ok);
    expect(judge_tables({{"orders.sale_orders"}, {}}), Verdict::failed);
    expect(judge_tables({{}, {"orders.sale_units"}}), Verdict::failed);
}

TEST(PreflightDatabase, schemas) {
    expect(judge_schemas({{"auth", 1, 1}, {"orders", 4, 3}}), Verdict::ok);
    const auto old = judge_schemas({{"auth", 1, 1}, {"orders", 2, 3}});
    expect(old, Verdict::failed);
    EXPECT_THAT(old.found, HasSubstr("orders 2 (needs 3)"));
    EXPECT_THAT(old.fix, HasSubstr("doorbuster migrate"));
}

TEST(PreflightDatabase, connections_of_all_pods_must_fit_and_those_of_an_update_should) {
    const std::map<std::string, int> pods{
        {"auth", 2}, {"product", 2}, {"payment", 1}, {"order", 2}
    };
    // 2 x (4 + 4 + 4 + 8), 4 of payment and 5 for operators; one pod more of each is 24.
    auto pools = default_room_pools();
    const auto with = [&](std::int64_t most, std::map<std::string, std::int64_t> now) {
        return judge_connections({most, 3, std::move(now)}, pools, pods, 0);
    };
    expect(with(52 + 24, {}), Verdict::ok);
    expect(with(52 + 23, {}), Verdict::warning);
    expect(with(52, {{"order", 8}, {"order-sale", 16}}), Verdict::warning);
    expect(with(51, {}), Verdict::failed);
    expect(with(52, {{"psql", 1}}), Verdict::failed);
    expect(judge_connections({100, 3, {}}, pools, pods, 97), Verdict::ok);
    expect(judge_connections({100, 3, {}}, pools, pods, 98), Verdict::failed);
    // 8 more for each of two pods of order, and for a third one in an update.
    pools.back().connections_per_pod += 8;
    expect(with(52 + 16 + 32, {}), Verdict::ok);
    expect(with(52 + 16 + 31, {}), Verdict::warning);
    expect(with(52 + 15, {}), Verdict::failed);
}

TEST(PreflightDatabase, transactions) {
    expect(judge_transactions({}, true), Verdict::ok);
    expect(judge_transactions({}, false), Verdict::warning);
    expect(judge_transactions({{"pid 1", "active", 9999, 0}}, true), Verdict::ok);
    expect(judge_transactions({{"pid 1", "active", 10000, 0}}, true), Verdict::warning);
    expect(judge_transactions({{"pid 1", "active", 60000, 0}}, true), Verdict::failed);
    expect(judge_transactions({{"pid 1", "idle in transaction", 999, 999}}, true), Verdict::ok);
    const auto idle =
        judge_transactions({{"pid 1 (psql)", "idle in transaction", 1200, 1000}}, true);
    expect(idle, Verdict::failed);
    EXPECT_THAT(idle.found, HasSubstr("pid 1 (psql) idle in transaction for 1.2 s"));
    expect(judge_transactions({{"transaction x", "prepared", 1, 0}}, true), Verdict::failed);
}

TEST(PreflightDatabase, disk_from_what_df_prints) {
    const auto volumes = parse_df(
        {"Filesystem     1024-blocks      Used Available Capacity Mounted on",
         "/dev/vda         264000000  17000000 200000000       8% /",
         "/dev/a name        2000000   1900000    100000      95% /var/lib/postgresql/wal",
         "/dev/vda         264000000  17000000 200000000       8% /",
         "df: something else"}
    );
    ASSERT_EQ(volumes.size(), 2U);
    EXPECT_EQ(volumes[0].mount, "/");
    EXPECT_EQ(volumes[0].total_kib, 264000000);
    EXPECT_EQ(volumes[1].free_kib, 100000);
    expect(judge_disk({volumes[0]}, 1024), Verdict::ok);
    expect(judge_disk(volumes, 1024), Verdict::failed);
    expect(judge_disk({{"/", 100 * 1024 * 1024, 9 * 1024 * 1024}}, 1024), Verdict::warning);
    expect(judge_disk({}, 1024), Verdict::warning);
}

TEST(PreflightDatabase, replication_and_archive) {
    expect(judge_replication({}), Verdict::ok);
    expect(judge_replication({"", {{"a", "streaming", false, 0, 0}}, {}}), Verdict::ok);
    expect(judge_replication({"", {{"a", "catchup", false, 0, 0}}, {}}), Verdict::warning);
    expect(judge_replication({"", {{"a", "streaming", false, 0, 10000}}, {}}), Verdict::failed);
    expect(judge_replication({"a", {{"a", "streaming", false, 0, 0}}, {}}), Verdict::failed);
    expect(judge_replication({"a", {{"a", "streaming", true, 0, 0}}, {}}), Verdict::ok);
    expect(judge_replication({"", {}, {{"gone", false, 5}}}), Verdict::warning);
    expect(judge_replication({"", {}, {{"gone", false, 1LL << 31}}}), Verdict::failed);
    expect(judge_archive({"off", false, 0, 0, false}), Verdict::ok);
    expect(judge_archive({"on", true, 5, 1, false}), Verdict::ok);
    expect(judge_archive({"on", true, 5, 1, true}), Verdict::failed);
    expect(judge_archive({"always", false, 0, 0, false}), Verdict::failed);
}

TEST(PreflightDatabase, logins) {
    expect(judge_logins({}, {}), Verdict::ok);
    expect(judge_logins({"host all all all trust"}, {}), Verdict::failed);
    expect(judge_logins({}, {"orders"}), Verdict::failed);
}

TEST(PreflightLatency, median_and_worst) {
    const LatencyLimits limits{20, 100, 250, 1000};
    expect(judge_latency("commits", {1, 2, 3}, limits, "x"), Verdict::ok);
    expect(judge_latency("commits", {1, 2, 250}, limits, "x"), Verdict::warning);
    expect(judge_latency("commits", {1, 20, 20}, limits, "x"), Verdict::warning);
    expect(judge_latency("commits", {1, 2, 1000}, limits, "x"), Verdict::failed);
    expect(judge_latency("commits", {100, 100, 1}, limits, "x"), Verdict::failed);
    expect(judge_latency("commits", {}, limits, "x"), Verdict::failed);
    EXPECT_EQ(median({5, 1, 3}), 3);
    EXPECT_EQ(worst({5, 1, 3}), 5);
}

TEST(PreflightClock, only_what_is_certain_counts) {
    expect(judge_clock(ClockOffset::of(1000, 0, 990, 1010)), Verdict::ok);
    expect(judge_clock(ClockOffset::of(1300, 0, 990, 1010)), Verdict::warning);
    expect(judge_clock(ClockOffset::of(700, 0, 990, 1010)), Verdict::warning);
    expect(judge_clock(ClockOffset::of(4000, 0, 990, 1010)), Verdict::failed);
    // A slow answer tells little.
    expect(judge_clock(ClockOffset::of(1300, 0, 0, 2000)), Verdict::ok);
}

TEST(PreflightClock, whole_seconds_tell_more_when_several_are_seen) {
    // A clock that is 300 ms ahead: its second 7 begins at our 6700.
    ClockOffset offset = ClockOffset::of(6000, 1000, 6600, 6610);
    expect(judge_clock(offset), Verdict::ok);
    offset = offset.with(ClockOffset::of(7000, 1000, 6710, 6720));
    EXPECT_NEAR(offset.least_ms, 280, 1);
    EXPECT_NEAR(offset.most_ms, 400, 1);
    expect(judge_clock(offset), Verdict::warning);
    const ClockOffset after_a_step = offset.with(ClockOffset::of(1000, 0, 990, 1010));
    expect(judge_clock(after_a_step), Verdict::ok);
}

TEST(PreflightClock, reads_the_date_of_an_answer) {
    EXPECT_EQ(parse_http_date("Thu, 01 Jan 1970 00:01:00 GMT"), 60000);
    EXPECT_EQ(parse_http_date("Sun, 22 Nov 2026 10:00:00 GMT"), 1795341600000);
    for (const char* text :
         {"",
          "yesterday",
          "Thu, 01 Foo 1970 00:01:00 GMT",
          "Thu, 01 Jan 1970 00:01:00 UTC",
          "Thu, 31 Feb 2026 00:01:00 GMT"}) {
        EXPECT_FALSE(parse_http_date(text).has_value()) << text;
    }
}

const redis::Address first{"10.0.0.1", 6379};
const redis::Address second{"10.0.0.2", 6379};

TEST(PreflightRedis, sentinels_must_all_name_the_same_master) {
    expect(judge_sentinels({{"a", first, ""}, {"b", first, ""}}), Verdict::ok);
    expect(judge_sentinels({{"a", first, ""}, {"b", std::nullopt, "gone"}}), Verdict::failed);
    const std::vector<SentinelAnswer> split{{"a", second, ""}, {"b", first, ""}, {"c", first, ""}};
    const auto judgement = judge_sentinels(split);
    expect(judgement, Verdict::failed);
    EXPECT_THAT(judgement.found, HasSubstr("a names 10.0.0.2:6379"));
    EXPECT_EQ(named_by_most(split), first);
    expect(judge_sentinels({}), Verdict::failed);
    EXPECT_FALSE(named_by_most({{"b", std::nullopt, "gone"}}).has_value());
}

TEST(PreflightRedis, quorum) {
    expect(judge_quorum({{"a", true, "OK 3 usable"}}), Verdict::ok);
    expect(judge_quorum({{"a", true, "OK"}, {"b", false, "NOQUORUM"}}), Verdict::failed);
    expect(judge_quorum({}), Verdict::failed);
}

constexpr std::string_view replication =
    "# Replication\r\nrole:master\r\nconnected_slaves:2\r\n"
    "slave0:ip=10.0.0.2,port=6379,state=online,offset=1000,lag=0\r\n"
    "slave1:ip=10.0.0.3,port=6380,state=online,offset=900,lag=1\r\n"
    "master_repl_offset:1000\r\n";

TEST(PreflightRedis, replicas_from_what_info_prints) {
    const auto facts = replicas_of(parse_info(replication));
    ASSERT_EQ(facts.replicas.size(), 2U);
    EXPECT_EQ(facts.replicas[1].address, "10.0.0.3:6380");
    EXPECT_EQ(facts.replicas[1].behind_bytes, 100);
    EXPECT_EQ(facts.replicas[1].silent_s, 1);
    expect(judge_replicas(facts, 2), Verdict::ok);
    expect(judge_replicas(facts, 3), Verdict::failed);
}

TEST(PreflightRedis, replicas_that_lag_or_are_gone) {
    auto facts = replicas_of(parse_info(replication));
    facts.replicas[0].silent_s = 3;
    expect(judge_replicas(facts, 2), Verdict::warning);
    facts.replicas[0].silent_s = 10;
    expect(judge_replicas(facts, 2), Verdict::failed);
    facts.replicas[0] = {"x", "online", 64 * 1024, 0};
    expect(judge_replicas(facts, 2), Verdict::warning);
    facts.replicas[0] = {"x", "wait_bgsave", 0, 0};
    expect(judge_replicas(facts, 2), Verdict::failed);
    facts.role = "slave";
    expect(judge_replicas(facts, 0), Verdict::failed);
}

TEST(PreflightRedis, fallback_version_memory_saving) {
    expect(judge_fallback("master", "a", "a"), Verdict::ok);
    expect(judge_fallback("master", "b", "a"), Verdict::failed);
    expect(judge_fallback("slave", "a", "a"), Verdict::failed);
    expect(judge_fallback("master", "a", ""), Verdict::warning);
    expect(judge_redis_version("7.0.15"), Verdict::ok);
    expect(judge_redis_version("6.2.1"), Verdict::failed);
    expect(judge_redis_version(""), Verdict::failed);
    const auto memory = [](const char* used, const char* most, const char* policy) {
        return judge_memory(
            {{"used_memory", used}, {"maxmemory", most}, {"maxmemory_policy", policy}}
        );
    };
    expect(memory("74", "100", "noeviction"), Verdict::ok);
    expect(memory("75", "100", "noeviction"), Verdict::warning);
    expect(memory("90", "100", "noeviction"), Verdict::failed);
    expect(memory("10", "0", "noeviction"), Verdict::ok);
    expect(memory("10", "100", "allkeys-lru"), Verdict::failed);
    expect(judge_saving({{"loading", "0"}, {"rdb_last_bgsave_status", "ok"}}), Verdict::ok);
    expect(judge_saving({{"loading", "1"}}), Verdict::failed);
    expect(judge_saving({{"rdb_last_bgsave_status", "err"}}), Verdict::failed);
}

TEST(PreflightRooms, pods) {
    const PodAnswer ready{"a", true, false, 200, ""};
    expect(judge_pods({ready, ready}, 2), Verdict::ok);
    expect(judge_pods({ready}, 2), Verdict::failed);
    expect(judge_pods({ready, ready, {"b", false, false, 503, "schema"}}, 2), Verdict::failed);
    expect(judge_pods({ready, {"b", false, true, 0, "timed out"}}, 1), Verdict::failed);
    expect(judge_pods({ready, {"b", true, true, 0, "timed out"}}, 2), Verdict::warning);
    expect(judge_pods({ready, {"b", true, true, 0, "timed out"}}, 3), Verdict::failed);
    expect(judge_pods({ready, {"b", true, false, 0, "refused"}}, 2), Verdict::failed);
    expect(judge_pods({ready, {"b", true, false, 0, "refused"}}, 1), Verdict::failed);
    expect(judge_pods({{"b", true, false, 503, ""}}, 1), Verdict::failed);
    expect(judge_pods({}, 1), Verdict::failed);
}

TEST(PreflightRooms, addresses_that_arrive_are_clients) {
    const auto metrics = [](int hidden, int alone, int foreign, int limited = 0) {
        const std::string name = "doorbuster_gateway_unattributed_requests_total";
        return "# TYPE " + name + " counter\n" + name + "{why=\"proxies_only\"} " +
               std::to_string(hidden) + "\n" + name + "{why=\"proxy_alone\"} " +
               std::to_string(alone) + "\n" + name + "{why=\"proxy_unknown\"} " +
               std::to_string(foreign) +
               "\ndoorbuster_gateway_limit_checks_total{limit=\"browse\",outcome=\"granted\"} " +
               std::to_string(limited) +
               "\ndoorbuster_gateway_limit_checks_total{limit=\"sign_in\",outcome=\"refused\"} 3"
               "\ndoorbuster_gateway_limit_checks_total{limit=\"purchase\",outcome=\"granted\"} "
               "999\n";
    };
    expect(judge_addresses({metrics(0, 0, 0), metrics(0, 0, 0)}), Verdict::ok);
    expect(judge_addresses({metrics(0, 25, 0)}), Verdict::ok);
    expect(judge_addresses({"of an older gateway 1\n"}), Verdict::ok);
    const auto hidden = judge_addresses({metrics(0, 0, 0), metrics(3, 0, 0), metrics(4, 0, 0)});
    expect(hidden, Verdict::warning);
    EXPECT_THAT(hidden.found, HasSubstr("7 of 16 requests"));
    const auto foreign = judge_addresses({metrics(0, 0, 12, 237)});
    expect(foreign, Verdict::warning);
    EXPECT_THAT(foreign.found, HasSubstr("12 of 240 requests"));
    EXPECT_THAT(foreign.fix, HasSubstr("TRUSTED_PROXIES"));
    const auto stranger = judge_addresses({metrics(0, 0, 12, 238)});
    expect(stranger, Verdict::ok);
    EXPECT_THAT(stranger.found, HasSubstr("of 241 requests 0 told trusted proxies alone, 12 had"));
    expect(judge_addresses({metrics(1, 0, 0, 20), metrics(0, 0, 0, 300)}), Verdict::ok);
}

TEST(PreflightRooms, network_rules_swallow_but_do_not_refuse) {
    using Stage = http::TransportError::Stage;
    const auto hidden = [](Stage stage, bool timed_out, const char* what) {
        return may_be_hidden(http::TransportError({"10.0.0.1", 9080}, stage, timed_out, what));
    };
    EXPECT_TRUE(hidden(Stage::connect, true, "connecting timed out"));
    EXPECT_TRUE(hidden(Stage::connect, false, "cannot connect: No route to host"));
    EXPECT_FALSE(hidden(Stage::connect, false, "cannot connect: Connection refused"));
    EXPECT_FALSE(hidden(Stage::exchange, true, "timed out"));
    EXPECT_FALSE(hidden(Stage::exchange, false, "Connection reset by peer"));
}

TEST(PreflightRooms, jwks_must_hold_the_signing_key) {
    const auto key = token::SigningKey::from_pem(token::SigningKey::generate_pem());
    const auto other = token::SigningKey::from_pem(token::SigningKey::generate_pem());
    expect(judge_jwks(key.jwks(), key.kid()), Verdict::ok);
    expect(judge_jwks(key.jwks(), ""), Verdict::ok);
    expect(judge_jwks(other.jwks({&key}), key.kid()), Verdict::ok);
    expect(judge_jwks(other.jwks(), key.kid()), Verdict::failed);
    for (const char* text : {"", "[]", "{}", R"({"keys":[]})", R"({"keys":7})"}) {
        expect(judge_jwks(text, ""), Verdict::failed);
    }
}

}  // namespace
}  // namespace cli::preflight
