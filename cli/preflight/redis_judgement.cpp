#include "cli/preflight/redis_judgement.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace cli::preflight {
namespace {

constexpr std::int64_t kib = 1024;
constexpr std::int64_t mib = 1024 * kib;
constexpr std::int64_t behind_warning_bytes = 64 * kib;
constexpr std::int64_t behind_failed_bytes = 8 * mib;
/// Replicas acknowledge once a second.
constexpr std::int64_t silent_warning_s = 3;
constexpr std::int64_t silent_failed_s = 10;
constexpr std::int64_t used_percent_warning = 75;
constexpr std::int64_t used_percent_failed = 90;

std::int64_t to_number(std::string_view text, std::int64_t fallback) {
    std::int64_t number = fallback;
    const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && stopped == text.data() + text.size() ? number : fallback;
}

/// The value of one name in "ip=10.0.0.2,port=6379,state=online,offset=10,lag=0".
std::string_view part_of(std::string_view text, std::string_view name) {
    while (!text.empty()) {
        const auto comma = text.find(',');
        const std::string_view part = text.substr(0, comma);
        if (part.starts_with(name) && part.substr(name.size()).starts_with('=')) {
            return part.substr(name.size() + 1);
        }
        if (comma == std::string_view::npos) break;
        text.remove_prefix(comma + 1);
    }
    return {};
}

}  // namespace

Info parse_info(std::string_view text) {
    Info info;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size() - 1);
        std::string_view line = text.substr(0, end + 1);
        text.remove_prefix(end + 1);
        while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
        const auto colon = line.find(':');
        if (line.starts_with('#') || colon == std::string_view::npos) continue;
        info.emplace(line.substr(0, colon), line.substr(colon + 1));
    }
    return info;
}

std::string text_of(const Info& info, std::string_view name) {
    const auto found = info.find(name);
    return found == info.end() ? "" : found->second;
}

std::int64_t number_of(const Info& info, std::string_view name, std::int64_t fallback) {
    return to_number(text_of(info, name), fallback);
}

std::optional<redis::Address> named_by_most(const std::vector<SentinelAnswer>& answers) {
    std::optional<redis::Address> best;
    std::ptrdiff_t votes = 0;
    for (const SentinelAnswer& answer : answers) {
        if (!answer.master) continue;
        const auto same = std::ranges::count(answers, answer.master, &SentinelAnswer::master);
        if (same > votes) {
            votes = same;
            best = answer.master;
        }
    }
    return best;
}

Judgement judge_sentinels(const std::vector<SentinelAnswer>& answers) {
    const auto master = named_by_most(answers);
    std::vector<std::string> odd;
    for (const SentinelAnswer& answer : answers) {
        if (!answer.master) odd.push_back(answer.sentinel + ": " + answer.trouble);
        if (answer.master && answer.master != master) {
            odd.push_back(fmt::format("{} names {}", answer.sentinel, answer.master->to_string()));
        }
    }
    if (!odd.empty()) {
        return failed(
            fmt::format("{}", fmt::join(odd, "; ")),
            "start the sentinels that are away; one that names another master is cut off, or a "
            "failover is under way: look again in a minute"
        );
    }
    if (!master) return failed("none was asked", "set REDIS_SENTINELS");
    return ok(fmt::format("all {} name {}", answers.size(), master->to_string()));
}

Judgement judge_quorum(const std::vector<QuorumAnswer>& answers) {
    if (answers.empty()) return failed("no sentinel answers", "start the sentinels");
    std::vector<std::string> refused;
    for (const QuorumAnswer& answer : answers) {
        if (!answer.is_usable) refused.push_back(answer.sentinel + ": " + answer.said);
    }
    if (refused.empty()) return ok(answers.front().said);
    return failed(
        fmt::format("{}", fmt::join(refused, "; ")),
        "nobody could replace a master that dies: start the sentinels that are away"
    );
}

ReplicaFacts replicas_of(const Info& replication) {
    ReplicaFacts facts;
    facts.role = text_of(replication, "role");
    const std::int64_t offset = number_of(replication, "master_repl_offset");
    for (std::int64_t number = 0;; ++number) {
        const auto found = replication.find(fmt::format("slave{}", number));
        if (found == replication.end()) break;
        const std::string& line = found->second;
        Replica replica;
        replica.address = fmt::format("{}:{}", part_of(line, "ip"), part_of(line, "port"));
        replica.state = part_of(line, "state");
        // What the master wrote while it made this answer may be ahead of the line.
        replica.behind_bytes =
            std::max<std::int64_t>(0, offset - to_number(part_of(line, "offset"), 0));
        replica.silent_s = to_number(part_of(line, "lag"), silent_failed_s);
        facts.replicas.push_back(std::move(replica));
    }
    return facts;
}

Judgement judge_replicas(const ReplicaFacts& facts, int needed) {
    if (facts.role != "master") {
        return failed(
            fmt::format("the address that sentinels name is a {}", facts.role),
            "a failover is under way: look again in a minute"
        );
    }
    Verdict verdict = Verdict::ok;
    std::vector<std::string> found;
    int good = 0;
    for (const Replica& replica : facts.replicas) {
        Verdict worse = Verdict::ok;
        if (replica.behind_bytes >= behind_warning_bytes || replica.silent_s >= silent_warning_s) {
            worse = Verdict::warning;
        }
        if (replica.state != "online" || replica.behind_bytes >= behind_failed_bytes ||
            replica.silent_s >= silent_failed_s) {
            worse = Verdict::failed;
        }
        if (worse != Verdict::failed) ++good;
        verdict = std::max(verdict, worse);
        found.push_back(fmt::format(
            "{} {}, {} bytes behind, heard {} s ago",
            replica.address,
            replica.state,
            replica.behind_bytes,
            replica.silent_s
        ));
    }
    if (good < needed) {
        return failed(
            fmt::format("{} of {} replicas follow: {}", good, needed, fmt::join(found, "; ")),
            "start the replicas that are away and let them catch up: without one a dead master "
            "has no successor"
        );
    }
    std::string text = fmt::format("{}", fmt::join(found, "; "));
    if (verdict == Verdict::ok) return ok(std::move(text));
    return {verdict, std::move(text), "let the replicas catch up; see their network and their log"};
}

Judgement judge_fallback(
    const std::string& role, const std::string& run_id, const std::string& master_run_id
) {
    const char* const fix =
        "REDIS_FALLBACK (redis-primary) must lead to the current master: see "
        "what stands behind it, or look again in some seconds";
    if (role != "master") return failed(fmt::format("leads to a {}", role), fix);
    if (master_run_id.empty()) return warning("leads to a master; to which one is not known", fix);
    if (run_id != master_run_id) return failed("leads to another master", fix);
    return ok("leads to the same master");
}

Judgement judge_redis_version(const std::string& version) {
    const auto dot = version.find('.');
    if (to_number(std::string_view(version).substr(0, dot), 0) < 7) {
        return failed("Redis " + version, "Redis 7.0 or newer, or Valkey, is needed");
    }
    return ok("Redis " + version);
}

Judgement judge_memory(const Info& memory) {
    const std::int64_t used = number_of(memory, "used_memory");
    const std::int64_t most = number_of(memory, "maxmemory");
    const std::string policy = text_of(memory, "maxmemory_policy");
    std::string found = fmt::format(
        "{} of {} MiB used, {}",
        used / mib,
        most == 0 ? "unlimited" : std::to_string(most / mib),
        policy
    );
    if (policy != "noeviction") {
        return failed(
            std::move(found),
            "a lease could be evicted: maxmemory-policy noeviction, in redis.conf and with CONFIG "
            "SET"
        );
    }
    const std::int64_t percent = most == 0 ? 0 : used * 100 / most;
    const char* const fix = "raise maxmemory (and the pod's memory), or find out whose keys it is";
    if (percent >= used_percent_failed) return failed(std::move(found), fix);
    if (percent >= used_percent_warning) return warning(std::move(found), fix);
    return ok(std::move(found));
}

Judgement judge_saving(const Info& persistence) {
    if (number_of(persistence, "loading") != 0) {
        return failed("it is loading its data", "look again when it is done");
    }
    const std::string saved = text_of(persistence, "rdb_last_bgsave_status");
    const std::string appended = text_of(persistence, "aof_last_write_status");
    if ((!saved.empty() && saved != "ok") || (!appended.empty() && appended != "ok")) {
        return failed(
            fmt::format("last save: {}, last append: {}", saved, appended),
            "it refuses writes once it can't save: free its disk and see its log"
        );
    }
    return ok("nothing failed");
}

}  // namespace cli::preflight
