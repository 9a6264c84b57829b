#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/preflight/database_judgement.hpp"
#include "net/net.hpp"
#include "postgres/pool.hpp"

namespace cli::preflight {

// Each reads one kind of fact in one statement; throws postgres::Error.

struct ServerFacts {
    std::int64_t version_number = 0;
    std::string version;
    std::string fsync;
    std::string full_page_writes;
    std::string synchronous_commit;
    std::string autovacuum;
    std::string synchronous_standby_names;
    bool in_recovery = false;
    bool read_only = false;
    bool is_superuser = false;
    bool sees_everybody = false;
    std::int64_t connections_max = 0;
    std::int64_t connections_reserved = 0;
    std::vector<std::string> overrides;  ///< "role orders: synchronous_commit=off"
};
net::awaitable<ServerFacts> read_server(postgres::Pool& pool, net::Deadline deadline);
net::awaitable<TableFacts> read_tables(postgres::Pool& pool, net::Deadline deadline);
/// Our own connections are left out.
net::awaitable<std::map<std::string, std::int64_t>> read_connections(
    postgres::Pool& pool, net::Deadline deadline
);
net::awaitable<std::vector<OpenTransaction>> read_transactions(
    postgres::Pool& pool, net::Deadline deadline
);
net::awaitable<ReplicationFacts> read_replication(postgres::Pool& pool, net::Deadline deadline);
net::awaitable<ArchiveFacts> read_archive(postgres::Pool& pool, net::Deadline deadline);

/// The lines of `df` for the server's data and WAL, run by the server: superusers only.
net::awaitable<std::vector<std::string>> read_df(postgres::Pool& pool, net::Deadline deadline);

struct LoginFacts {
    std::vector<std::string> open_doors;  ///< lines of pg_hba.conf, not of loopback addresses
    struct Verifier {
        std::string role;
        std::string verifier;
    };
    std::vector<Verifier> verifiers;
};
/// Superusers only.
net::awaitable<LoginFacts> read_logins(postgres::Pool& pool, net::Deadline deadline);

/// How long commits took, by the server's clock: each writes a message to the WAL and to nothing
/// else. The way from here to the server is not in it; the rooms' way is another one.
net::awaitable<std::vector<double>> time_commits_ms(postgres::Pool& pool, net::Deadline deadline);

/// Milliseconds since 1970 by the server's clock.
net::awaitable<double> read_clock_ms(postgres::Pool& pool, net::Deadline deadline);

}  // namespace cli::preflight
