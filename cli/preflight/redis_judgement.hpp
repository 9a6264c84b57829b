#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/preflight/finding.hpp"
#include "redis/client.hpp"

namespace cli::preflight {

// What Redis and its sentinels must be like before a sale. Pure: facts in, judgement out.

/// The fields of an INFO answer, "name:value" lines.
using Info = std::map<std::string, std::string, std::less<>>;
Info parse_info(std::string_view text);
std::string text_of(const Info& info, std::string_view name);
std::int64_t number_of(const Info& info, std::string_view name, std::int64_t fallback = 0);

struct SentinelAnswer {
    std::string sentinel;
    std::optional<redis::Address> master;
    std::string trouble;  ///< why there is no master in it
};
/// The address that more of them name than any other.
std::optional<redis::Address> named_by_most(const std::vector<SentinelAnswer>& answers);
Judgement judge_sentinels(const std::vector<SentinelAnswer>& answers);

struct QuorumAnswer {
    std::string sentinel;
    bool is_usable = false;
    std::string said;
};
Judgement judge_quorum(const std::vector<QuorumAnswer>& answers);

struct Replica {
    std::string address;
    std::string state;
    std::int64_t behind_bytes = 0;
    std::int64_t silent_s = 0;  ///< since it last acknowledged
};
struct ReplicaFacts {
    std::string role;
    std::vector<Replica> replicas;
};
ReplicaFacts replicas_of(const Info& replication);
Judgement judge_replicas(const ReplicaFacts& facts, int needed);

/// `run_id`: which process it is, as INFO server tells.
Judgement judge_fallback(
    const std::string& role, const std::string& run_id, const std::string& master_run_id
);
Judgement judge_redis_version(const std::string& version);
Judgement judge_memory(const Info& memory);
Judgement judge_saving(const Info& persistence);

}  // namespace cli::preflight
