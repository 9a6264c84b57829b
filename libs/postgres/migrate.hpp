#pragma once

#include <string>
#include <vector>

#include "net/net.hpp"
#include "postgres/pool.hpp"

namespace postgres {

/// One step of a room's schema. `version` ascends from 1 without gaps. Steps only expand: version
/// N-1 of the program must run on schema N.
struct Migration {
    int version = 0;
    std::string name;
    std::string sql;
};

/// Reads NNNN_name.sql files of a folder, in order. Throws std::runtime_error on a gap, a
/// duplicate or an unreadable file.
std::vector<Migration> read_migrations(const std::string& folder);

struct MigrationOutcome {
    int from = 0;
    int to = 0;
};

/// Brings `schema` up to date: under an advisory lock (so that several at once are harmless), each
/// step in a transaction of its own together with its row in <schema>.schema_migrations
/// (version, name, sha256 of the text, applied_at). An applied step whose text changed is refused.
net::awaitable<MigrationOutcome> migrate(
    Connection& connection,
    const std::string& schema,
    const std::vector<Migration>& migrations,
    net::Deadline deadline
);

/// The newest applied version of a schema, 0 if there is none. A service refuses to start (stays
/// not ready) while it is lower than the one it was built for.
net::awaitable<int> schema_version(Pool& pool, const std::string& schema, net::Deadline deadline);

}  // namespace postgres
