#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cli/preflight/finding.hpp"

namespace cli::preflight {

// What a database must be like before a sale. Pure: facts in, judgement out.

Judgement judge_version(std::int64_t version_number, const std::string& version);

/// A setting that must be on; `loss` says what is at stake.
Judgement judge_switch(const std::string& name, const std::string& value, const std::string& loss);

/// `overrides`: settings of roles and databases, "role orders: synchronous_commit=off".
Judgement judge_synchronous_commit(
    const std::string& value, const std::vector<std::string>& overrides
);

Judgement judge_takes_writes(
    bool in_recovery, bool read_only, const std::vector<std::string>& overrides
);

struct TableFacts {
    std::vector<std::string> unlogged;
    std::vector<std::string> without_autovacuum;
};
Judgement judge_tables(const TableFacts& tables);

struct SchemaFacts {
    std::string schema;
    int version = 0;
    int needed = 0;
};
Judgement judge_schemas(const std::vector<SchemaFacts>& schemas);

/// The connections that a room's pods may open: one pool, under one application_name, per entry.
struct RoomPool {
    std::string room;
    std::string application_name;
    std::int64_t connections_per_pod = 0;
};
/// As the rooms are unless they are told otherwise.
std::vector<RoomPool> default_room_pools();

struct ConnectionFacts {
    std::int64_t connections_max = 0;
    std::int64_t reserved = 0;                ///< for superusers and the like
    std::map<std::string, std::int64_t> now;  ///< by application_name
};
/// `pods`: by room. With one more of each room, as in a rolling update, it may only be tight.
/// `needed` replaces what is computed from `pools` and `pods`, if above 0.
Judgement judge_connections(
    const ConnectionFacts& facts,
    const std::vector<RoomPool>& pools,
    const std::map<std::string, int>& pods,
    std::int64_t needed
);

struct OpenTransaction {
    std::string who;  ///< pid and application
    std::string state;
    std::int64_t age_ms = 0;
    std::int64_t in_state_ms = 0;
};
/// `sees_everybody`: whether this login may look at the sessions of others.
Judgement judge_transactions(const std::vector<OpenTransaction>& open, bool sees_everybody);

struct Volume {
    std::string mount;
    std::int64_t total_kib = 0;
    std::int64_t free_kib = 0;
};
/// What `df -Pk` printed, its heading included; lines that can't be read are left out.
std::vector<Volume> parse_df(const std::vector<std::string>& lines);
Judgement judge_disk(const std::vector<Volume>& volumes, std::int64_t free_mib_min);

struct Standby {
    std::string name;
    std::string state;
    bool is_synchronous = false;
    std::int64_t behind_bytes = 0;
    std::int64_t behind_ms = 0;
};
struct ReplicationSlot {
    std::string name;
    bool is_active = false;
    std::int64_t kept_bytes = 0;
};
struct ReplicationFacts {
    std::string synchronous_standby_names;
    std::vector<Standby> standbys;
    std::vector<ReplicationSlot> slots;
};
Judgement judge_replication(const ReplicationFacts& facts);

struct ArchiveFacts {
    std::string mode;
    bool has_way = true;  ///< archive_command or archive_library says how
    std::int64_t archived = 0;
    std::int64_t failures = 0;
    bool failed_last = false;
};
Judgement judge_archive(const ArchiveFacts& facts);

/// `open_doors`: lines of pg_hba.conf that let strangers in without a password; `guessable`: login
/// roles whose password is a word that anyone would try.
Judgement judge_logins(
    const std::vector<std::string>& open_doors, const std::vector<std::string>& guessable
);

}  // namespace cli::preflight
