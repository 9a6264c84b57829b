#include "cli/preflight/database_judgement.hpp"

#include <algorithm>
#include <charconv>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace cli::preflight {
namespace {

constexpr std::int64_t version_min = 150000;
/// For the operator's commands, a backup and a monitor.
constexpr std::int64_t connections_of_operators = 5;

constexpr std::int64_t transaction_warning_ms = 10000;
constexpr std::int64_t transaction_failed_ms = 60000;
/// A room is idle in a transaction for the time of a round trip.
constexpr std::int64_t idle_in_transaction_ms = 1000;

constexpr std::int64_t kib_per_mib = 1024;
constexpr std::int64_t free_percent_warning = 10;

constexpr std::int64_t mib = 1024 * 1024;
constexpr std::int64_t standby_behind_warning_bytes = 16 * mib;
constexpr std::int64_t standby_behind_failed_bytes = 256 * mib;
constexpr std::int64_t standby_behind_warning_ms = 1000;
constexpr std::int64_t standby_behind_failed_ms = 10000;
constexpr std::int64_t slot_keeps_failed_bytes = 1024 * mib;

std::string seconds(std::int64_t ms) {
    return fmt::format("{:.1f} s", static_cast<double>(ms) / 1000.0);
}

std::string mebibytes(std::int64_t bytes) {
    return fmt::format("{} MiB", bytes / mib);
}

bool is_durable(std::string_view synchronous_commit) {
    return synchronous_commit == "on" || synchronous_commit == "local" ||
           synchronous_commit == "remote_write" || synchronous_commit == "remote_apply";
}

/// Of overrides "role orders: name=value" those of that name, with a value that is not wanted.
template <class Predicate>
std::vector<std::string> wrong_overrides(
    const std::vector<std::string>& overrides, std::string_view name, Predicate is_fine
) {
    const std::string prefix = fmt::format(": {}=", name);
    std::vector<std::string> wrong;
    for (const std::string& line : overrides) {
        const auto at = line.find(prefix);
        if (at == std::string::npos) continue;
        if (!is_fine(std::string_view(line).substr(at + prefix.size()))) wrong.push_back(line);
    }
    return wrong;
}

}  // namespace

Judgement judge_version(std::int64_t version_number, const std::string& version) {
    if (version_number < version_min) {
        return failed(
            "PostgreSQL " + version, "PostgreSQL 15 or newer is needed: upgrade it with pg_upgrade"
        );
    }
    return ok("PostgreSQL " + version);
}

Judgement judge_switch(const std::string& name, const std::string& value, const std::string& loss) {
    if (value == "on") return ok("on");
    return failed(
        value,
        fmt::format("{0}; ALTER SYSTEM SET {1} = on, then SELECT pg_reload_conf()", loss, name)
    );
}

Judgement judge_synchronous_commit(
    const std::string& value, const std::vector<std::string>& overrides
) {
    const auto wrong = wrong_overrides(overrides, "synchronous_commit", is_durable);
    if (!is_durable(value)) {
        return failed(
            value,
            "a crash loses orders that were answered; ALTER SYSTEM SET synchronous_commit = on, "
            "then SELECT pg_reload_conf()"
        );
    }
    if (!wrong.empty()) {
        return failed(
            fmt::format("{}", fmt::join(wrong, "; ")),
            "a crash loses orders that were answered; ALTER ROLE or ALTER DATABASE ... RESET "
            "synchronous_commit"
        );
    }
    return ok(value);
}

Judgement judge_takes_writes(
    bool in_recovery, bool read_only, const std::vector<std::string>& overrides
) {
    if (in_recovery) {
        return failed(
            "in recovery: this is a standby",
            "point DATABASE_ADMIN_URL and the rooms at the primary, or promote this one"
        );
    }
    const auto wrong =
        wrong_overrides(overrides, "default_transaction_read_only", [](std::string_view value) {
            return value == "off" || value == "false" || value == "0" || value == "no";
        });
    if (read_only || !wrong.empty()) {
        return failed(
            read_only ? "default_transaction_read_only is on"
                      : fmt::format("{}", fmt::join(wrong, "; ")),
            "set default_transaction_read_only = off"
        );
    }
    return ok("a primary that takes writes");
}

Judgement judge_tables(const TableFacts& tables) {
    if (!tables.unlogged.empty()) {
        return failed(
            fmt::format("unlogged: {}", fmt::join(tables.unlogged, ", ")),
            "a crash empties them; ALTER TABLE ... SET LOGGED"
        );
    }
    if (!tables.without_autovacuum.empty()) {
        return failed(
            fmt::format("without autovacuum: {}", fmt::join(tables.without_autovacuum, ", ")),
            "a sale's row grows without end; ALTER TABLE ... RESET (autovacuum_enabled)"
        );
    }
    return ok("all logged and vacuumed");
}

Judgement judge_schemas(const std::vector<SchemaFacts>& schemas) {
    std::vector<std::string> found;
    bool is_old = false;
    for (const SchemaFacts& schema : schemas) {
        const bool is_enough = schema.version >= schema.needed;
        is_old = is_old || !is_enough;
        found.push_back(fmt::format(
            "{} {}{}",
            schema.schema,
            schema.version,
            is_enough ? "" : fmt::format(" (needs {})", schema.needed)
        ));
    }
    std::string text = fmt::format("{}", fmt::join(found, ", "));
    if (is_old) return failed(std::move(text), "doorbuster migrate");
    return ok(std::move(text));
}

std::vector<RoomPool> default_room_pools() {
    // A test compares them with the rooms' --help.
    return {
        {"auth", "auth", 4},
        {"product", "product", 4},
        {"payment", "payment", 4},
        {"order", "order", 4},
        {"order", "order-sale", 8},
    };
}

Judgement judge_connections(
    const ConnectionFacts& facts,
    const std::vector<RoomPool>& pools,
    const std::map<std::string, int>& pods,
    std::int64_t needed
) {
    std::int64_t needed_in_update = needed;
    std::int64_t computed = 0;
    std::int64_t surge = 0;
    std::int64_t of_rooms = 0;
    std::int64_t now = 0;
    for (const RoomPool& pool : pools) {
        const auto count = pods.find(pool.room);
        const std::int64_t replicas = count == pods.end() ? 0 : count->second;
        computed += replicas * pool.connections_per_pod;
        surge += pool.connections_per_pod;
        const auto open = facts.now.find(pool.application_name);
        if (open != facts.now.end()) of_rooms += open->second;
    }
    for (const auto& [name, count] : facts.now) now += count;
    if (needed == 0) {
        needed = computed + connections_of_operators;
        needed_in_update = needed + surge;
    }
    const std::int64_t others = now - of_rooms;
    const std::int64_t room = facts.connections_max - facts.reserved - others;
    std::string found = fmt::format(
        "{} open, of them {} by rooms; pools may need {}, {} in an update; {} to be had",
        now,
        of_rooms,
        needed,
        needed_in_update,
        room
    );
    const char* const fix =
        "raise max_connections (needs a restart), lower the rooms' DATABASE_CONNECTIONS_MAX or "
        "SALE_CONNECTIONS_MAX (and say so with --room-connections), or end the other programs' "
        "connections";
    if (room < needed) return failed(std::move(found), fix);
    if (room < needed_in_update) return warning(std::move(found), fix);
    return ok(std::move(found));
}

Judgement judge_transactions(const std::vector<OpenTransaction>& open, bool sees_everybody) {
    Verdict verdict = Verdict::ok;
    std::vector<std::string> found;
    for (const OpenTransaction& one : open) {
        const bool is_idle = one.state.starts_with("idle in transaction") &&
                             one.in_state_ms >= idle_in_transaction_ms;
        const bool is_prepared = one.state == "prepared";
        Verdict worse = Verdict::ok;
        if (one.age_ms >= transaction_warning_ms) worse = Verdict::warning;
        if (one.age_ms >= transaction_failed_ms || is_idle || is_prepared) worse = Verdict::failed;
        if (worse == Verdict::ok) continue;
        verdict = std::max(verdict, worse);
        found.push_back(fmt::format("{} {} for {}", one.who, one.state, seconds(one.age_ms)));
    }
    if (!found.empty()) {
        return {
            verdict,
            fmt::format("{}", fmt::join(found, "; ")),
            "it keeps every old version of a sale's row alive: let it end, or SELECT "
            "pg_terminate_backend(pid); ROLLBACK PREPARED a prepared one"
        };
    }
    if (!sees_everybody) {
        return warning(
            "this login may not look at the sessions of others", "GRANT pg_read_all_stats TO it"
        );
    }
    return ok("none is old, none idle");
}

std::vector<Volume> parse_df(const std::vector<std::string>& lines) {
    std::vector<Volume> volumes;
    for (const std::string& line : lines) {
        // From the right: a file system's name may have blanks. The mount's last word is enough.
        std::istringstream text(line);
        std::vector<std::string> words;
        for (std::string word; text >> word;) words.push_back(word);
        const auto percent = std::ranges::find_if(words, [](const std::string& word) {
            return word.size() > 1 && word.back() == '%' &&
                   word.find_first_not_of("0123456789") == word.size() - 1;
        });
        if (percent == words.end() || percent - words.begin() < 4) continue;
        Volume volume;
        const auto number = [](const std::string& word, std::int64_t& out) {
            const char* const end = word.data() + word.size();
            const auto [stopped, error] = std::from_chars(word.data(), end, out);
            return error == std::errc() && stopped == end;
        };
        if (!number(*(percent - 3), volume.total_kib)) continue;
        if (!number(*(percent - 1), volume.free_kib)) continue;
        volume.mount = words.back();
        const auto same = [&](const Volume& other) { return other.mount == volume.mount; };
        if (std::ranges::none_of(volumes, same)) volumes.push_back(volume);
    }
    return volumes;
}

Judgement judge_disk(const std::vector<Volume>& volumes, std::int64_t free_mib_min) {
    if (volumes.empty()) {
        return warning("not checked: df told nothing", "look with df at the server's data folder");
    }
    Verdict verdict = Verdict::ok;
    std::vector<std::string> found;
    for (const Volume& volume : volumes) {
        const std::int64_t free_mib = volume.free_kib / kib_per_mib;
        const std::int64_t percent =
            volume.total_kib > 0 ? volume.free_kib * 100 / volume.total_kib : 0;
        if (free_mib < free_mib_min) {
            verdict = Verdict::failed;
        } else if (percent < free_percent_warning) {
            verdict = std::max(verdict, Verdict::warning);
        }
        found.push_back(fmt::format("{} MiB ({} %) free on {}", free_mib, percent, volume.mount));
    }
    return {
        verdict,
        fmt::format("{}", fmt::join(found, ", ")),
        verdict == Verdict::ok ? ""
                               : "enlarge the volume, or remove old backups and WAL archives; a "
                                 "full one stops the shop (docs/runbooks)"
    };
}

Judgement judge_replication(const ReplicationFacts& facts) {
    Verdict verdict = Verdict::ok;
    std::vector<std::string> found;
    bool has_synchronous = false;
    for (const Standby& standby : facts.standbys) {
        has_synchronous = has_synchronous || standby.is_synchronous;
        Verdict worse = Verdict::ok;
        if (standby.state != "streaming" || standby.behind_ms >= standby_behind_warning_ms ||
            standby.behind_bytes >= standby_behind_warning_bytes) {
            worse = Verdict::warning;
        }
        if (standby.behind_ms >= standby_behind_failed_ms ||
            standby.behind_bytes >= standby_behind_failed_bytes) {
            worse = Verdict::failed;
        }
        verdict = std::max(verdict, worse);
        found.push_back(fmt::format(
            "{} {}, {} and {} behind",
            standby.name,
            standby.state,
            mebibytes(standby.behind_bytes),
            seconds(standby.behind_ms)
        ));
    }
    for (const ReplicationSlot& slot : facts.slots) {
        if (slot.is_active) continue;
        const bool is_much = slot.kept_bytes >= slot_keeps_failed_bytes;
        verdict = std::max(verdict, is_much ? Verdict::failed : Verdict::warning);
        found.push_back(
            fmt::format("slot {} unused, keeps {} of WAL", slot.name, mebibytes(slot.kept_bytes))
        );
    }
    if (!facts.synchronous_standby_names.empty() && !has_synchronous) {
        verdict = Verdict::failed;
        found.push_back("commits wait for a synchronous standby that is not there");
    }
    if (found.empty()) return ok("no standbys");
    return {
        verdict,
        fmt::format("{}", fmt::join(found, "; ")),
        verdict == Verdict::ok ? ""
                               : "let the standbys catch up or repair them; drop slots of standbys "
                                 "that are gone: SELECT pg_drop_replication_slot('NAME')"
    };
}

Judgement judge_archive(const ArchiveFacts& facts) {
    if (facts.mode == "off") return ok("off");
    if (!facts.has_way) {
        return failed(
            fmt::format("archive_mode is {}, but archive_command is empty", facts.mode),
            "WAL is kept until the disk is full: set archive_command and SELECT pg_reload_conf()"
        );
    }
    std::string found = fmt::format("{} archived, {} failures", facts.archived, facts.failures);
    if (facts.failed_last) {
        return failed(
            std::move(found),
            "WAL piles up until the disk is full: repair archive_command, see the server's log"
        );
    }
    return ok(std::move(found));
}

Judgement judge_logins(
    const std::vector<std::string>& open_doors, const std::vector<std::string>& guessable
) {
    if (!guessable.empty()) {
        return failed(
            fmt::format("anyone would guess the password of {}", fmt::join(guessable, ", ")),
            "set random ones: doorbuster migrate --set-passwords, ALTER ROLE for the admin's"
        );
    }
    if (!open_doors.empty()) {
        return failed(
            fmt::format("no password is asked for by: {}", fmt::join(open_doors, "; ")),
            "write scram-sha-256 instead of trust into pg_hba.conf, then SELECT pg_reload_conf()"
        );
    }
    return ok("passwords are asked for, none is a well-known word");
}

}  // namespace cli::preflight
