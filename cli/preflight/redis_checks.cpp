#include "cli/preflight/redis_checks.hpp"

#include <chrono>

#include <fmt/format.h>

#include "base/timestamp.hpp"
#include "base/uuid.hpp"
#include "cli/preflight/clock_skew.hpp"
#include "cli/preflight/latency.hpp"
#include "cli/preflight/our_clock.hpp"
#include "cli/preflight/redis_judgement.hpp"
#include "cli/preflight/redis_link.hpp"

namespace cli::preflight {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds sentinel_time{2000};
constexpr milliseconds redis_time{3000};
constexpr int round_trips = 20;
constexpr int clock_looks = 5;
constexpr const char* key_lifetime_ms = "10000";

/// The lease is renewed a few times a second; nothing waits for Redis on the way of a purchase.
constexpr LatencyLimits round_trip_limits{20, 200, 250, 1000};

constexpr const char* ask_again = "see the error; then run preflight again";
constexpr const char* start_it =
    "start it; check REDIS_PASSWORD and the network between here and "
    "the address that the sentinels name";

redis::Address address_of(const redis::Reply& reply) {
    if (reply.kind == redis::Reply::Kind::array && reply.elements.size() == 2) {
        const std::string& host = reply.elements[0].text;
        const bool is_ipv6 = host.find(':') != std::string::npos;
        const auto address = redis::Address::parse(
            (is_ipv6 ? "[" + host + "]" : host) + ":" + reply.elements[1].text
        );
        if (address) return *address;
    }
    throw redis::Error("knows no master of that name", redis::Error::Effect::none);
}

struct SentinelSight {
    SentinelAnswer answer;
    std::optional<QuorumAnswer> quorum;
};

net::awaitable<SentinelSight> look_at_sentinel(
    redis::Address address, const redis::Settings& settings, net::Deadline deadline
) {
    SentinelSight sight;
    sight.answer.sentinel = address.to_string();
    try {
        RedisLink link = co_await RedisLink::open(address, settings.sentinel_password, deadline);
        redis::Command where{"SENTINEL", "GET-MASTER-ADDR-BY-NAME", settings.master_name};
        const redis::Reply named = co_await link.ask(std::move(where), deadline);
        sight.answer.master = address_of(named);
        redis::Command usable{"SENTINEL", "CKQUORUM", settings.master_name};
        const redis::Reply said = co_await link.exec(std::move(usable), deadline);
        sight.quorum = QuorumAnswer{sight.answer.sentinel, !said.is_error(), said.text};
    } catch (const redis::Error& error) {
        sight.answer.trouble = error.what();
    }
    co_return sight;
}

struct SentinelSights {
    std::vector<SentinelAnswer> answers;
    std::vector<QuorumAnswer> quorums;
};

net::awaitable<Judgement> look_at_sentinels(
    const Checks& checks, const redis::Settings& settings, SentinelSights& sights
) {
    for (const redis::Address& address : settings.sentinels) {
        const SentinelSight sight =
            co_await look_at_sentinel(address, settings, checks.deadline_in(sentinel_time));
        sights.answers.push_back(sight.answer);
        if (sight.quorum) sights.quorums.push_back(*sight.quorum);
    }
    co_return judge_sentinels(sights.answers);
}

net::awaitable<Judgement> look_at_quorum(const std::vector<QuorumAnswer>& quorums) {
    co_return judge_quorum(quorums);
}

/// The address of the master, if the sentinels name one.
net::awaitable<std::optional<redis::Address>> check_sentinels(
    Checks& checks, const Settings& settings
) {
    SentinelSights sights;
    co_await checks.run("sentinels", look_at_sentinels(checks, settings.redis, sights), ask_again);
    co_await checks.run("quorum", look_at_quorum(sights.quorums), ask_again);
    co_return named_by_most(sights.answers);
}

net::awaitable<Judgement> look_at_version(RedisLink& link, net::Deadline deadline) {
    const Info server = co_await link.info("server", deadline);
    // Valkey shows there the Redis version that it is compatible with.
    co_return judge_redis_version(text_of(server, "redis_version"));
}

net::awaitable<Judgement> look_at_replicas(RedisLink& link, int needed, net::Deadline deadline) {
    const Info replication = co_await link.info("replication", deadline);
    co_return judge_replicas(replicas_of(replication), needed);
}

net::awaitable<Judgement> look_at_memory(RedisLink& link, net::Deadline deadline) {
    const Info memory = co_await link.info("memory", deadline);
    co_return judge_memory(memory);
}

net::awaitable<Judgement> look_at_saving(RedisLink& link, net::Deadline deadline) {
    const Info persistence = co_await link.info("persistence", deadline);
    co_return judge_saving(persistence);
}

net::awaitable<Judgement> look_at_round_trip(RedisLink& link, net::Deadline deadline) {
    base::UuidGenerator ids;
    const std::string value = ids.next(base::unix_now_ms()).to_string();
    const std::string key = "doorbuster:preflight:" + value;
    const char* const fix = "the lease can't be taken: see what the master refuses, and its log";
    std::vector<double> times_ms;
    for (int number = 0; number < round_trips; ++number) {
        const auto begin = net::SteadyClock::now();
        redis::Command set{"SET", key, value, "NX", "PX", key_lifetime_ms};
        const redis::Reply was_set = co_await link.ask(std::move(set), deadline);
        redis::Command get{"GET", key};
        const redis::Reply kept = co_await link.ask(std::move(get), deadline);
        redis::Command remove{"DEL", key};
        co_await link.ask(std::move(remove), deadline);
        const std::chrono::duration<double, std::milli> took = net::SteadyClock::now() - begin;
        times_ms.push_back(took.count() / 3);
        if (was_set.text != "OK" || kept.text != value) {
            co_return failed("a key that was set could not be read", fix);
        }
    }
    co_return judge_latency("times SET, GET, DEL", times_ms, round_trip_limits, fix);
}

net::awaitable<Judgement> look_at_clock(RedisLink& link, net::Deadline deadline) {
    std::optional<ClockOffset> offset;
    for (int look = 0; look < clock_looks; ++look) {
        const double asked_at = our_clock_ms();
        redis::Command command{"TIME"};
        const redis::Reply reply = co_await link.ask(std::move(command), deadline);
        const double heard_at = our_clock_ms();
        if (reply.elements.size() != 2) co_return failed("TIME has no answer", ask_again);
        const double shown =
            std::stod(reply.elements[0].text) * 1000 + std::stod(reply.elements[1].text) / 1000;
        const auto seen = ClockOffset::of(shown, 0, asked_at, heard_at);
        offset = offset ? offset->with(seen) : seen;
    }
    co_return judge_clock(*offset);
}

/// Whether strangers are let in.
net::awaitable<Judgement> look_at_password(redis::Address master, net::Deadline deadline) {
    RedisLink link = co_await RedisLink::open(master, "", deadline);
    redis::Command command{"PING"};
    const redis::Reply reply = co_await link.exec(std::move(command), deadline);
    if (!reply.is_error()) {
        co_return failed(
            "answers without a password",
            "set requirepass and masterauth, and REDIS_PASSWORD for the rooms"
        );
    }
    co_return ok("asked for");
}

net::awaitable<Judgement> look_at_fallback(
    redis::Address fallback, std::string password, std::string master_run_id, net::Deadline deadline
) {
    RedisLink link = co_await RedisLink::open(fallback, std::move(password), deadline);
    const Info replication = co_await link.info("replication", deadline);
    const Info server = co_await link.info("server", deadline);
    co_return judge_fallback(
        text_of(replication, "role"), text_of(server, "run_id"), master_run_id
    );
}

net::awaitable<Judgement> miss_master() {
    co_return failed("nobody names one", "start the sentinels");
}

/// An open connection to the master, and which process that is.
struct Master {
    RedisLink link;
    std::string run_id;
};

net::awaitable<Judgement> meet_master(
    redis::Address address, std::string password, Master& master, net::Deadline deadline
) {
    master.link = co_await RedisLink::open(address, std::move(password), deadline);
    const Info replication = co_await master.link.info("replication", deadline);
    const std::string role = text_of(replication, "role");
    if (role != "master") {
        co_return failed(
            fmt::format("{} is a {}", address.to_string(), role),
            "a failover is under way, or the sentinels are wrong: look again in a minute"
        );
    }
    const Info server = co_await master.link.info("server", deadline);
    master.run_id = text_of(server, "run_id");
    co_return ok(address.to_string() + " says so itself");
}

net::awaitable<void> check_master(
    Checks& checks, const Settings& settings, redis::Address address, Master& master
) {
    const auto soon = [&] { return checks.deadline_in(redis_time); };
    const bool is_there = co_await checks.run(
        "master", meet_master(address, settings.redis.password, master, soon()), start_it
    );
    co_await checks.run("password", look_at_password(address, soon()), start_it);
    if (!is_there) co_return;
    const int replicas = static_cast<int>(settings.options.replicas);
    co_await checks.run("version", look_at_version(master.link, soon()), ask_again);
    co_await checks.run("replicas", look_at_replicas(master.link, replicas, soon()), ask_again);
    co_await checks.run("memory", look_at_memory(master.link, soon()), ask_again);
    co_await checks.run("saving", look_at_saving(master.link, soon()), ask_again);
    co_await checks.run("round trip", look_at_round_trip(master.link, soon()), ask_again);
    co_await checks.run("clock", look_at_clock(master.link, soon()), ask_again);
}

}  // namespace

net::awaitable<void> check_redis(Checks& checks, const Settings& settings) {
    checks.set_area("Redis");
    const std::optional<redis::Address> address = co_await check_sentinels(checks, settings);
    Master master;
    if (address) {
        co_await check_master(checks, settings, *address, master);
    } else {
        co_await checks.run("master", miss_master(), ask_again);
    }
    if (!settings.redis.fallback) {
        checks.add(
            "fallback", warning("REDIS_FALLBACK is not set", "set it for order and for preflight")
        );
        co_return;
    }
    co_await checks.run(
        "fallback",
        look_at_fallback(
            *settings.redis.fallback,
            settings.redis.password,
            master.run_id,
            checks.deadline_in(redis_time)
        ),
        "start what REDIS_FALLBACK names (redis-primary); check the network to it"
    );
}

}  // namespace cli::preflight
