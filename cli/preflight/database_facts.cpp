#include "cli/preflight/database_facts.hpp"

namespace cli::preflight {
namespace {

using postgres::Parameters;
using postgres::Statement;

constexpr Statement server_statement{
    "preflight_server",
    R"(SELECT current_setting('server_version_num')::int8, current_setting('server_version'),
              current_setting('fsync'), current_setting('full_page_writes'),
              current_setting('synchronous_commit'), current_setting('autovacuum'),
              current_setting('synchronous_standby_names'), pg_is_in_recovery(),
              current_setting('default_transaction_read_only')::bool,
              (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
              pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'),
              current_setting('max_connections')::int8,
              current_setting('superuser_reserved_connections')::int8
                  + coalesce(current_setting('reserved_connections', true), '0')::int8)"
};
constexpr Statement overrides_statement{
    "preflight_overrides",
    R"(SELECT concat_ws(' in ', 'role ' || r.rolname, 'database ' || d.datname) || ': ' || setting
       FROM pg_db_role_setting s
       LEFT JOIN pg_roles r ON r.oid = s.setrole
       LEFT JOIN pg_database d ON d.oid = s.setdatabase
       CROSS JOIN LATERAL unnest(s.setconfig) AS setting
       WHERE setting ~ '^(synchronous_commit|default_transaction_read_only)='
           AND (s.setdatabase = 0 OR d.datname = current_database())
       ORDER BY 1)"
};
constexpr Statement tables_statement{
    "preflight_tables",
    R"(SELECT format('%s.%s', n.nspname, c.relname), c.relpersistence = 'u',
              EXISTS (SELECT FROM pg_options_to_table(c.reloptions)
                      WHERE option_name = 'autovacuum_enabled' AND NOT option_value::bool)
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind = 'r' AND n.nspname IN ('auth', 'product', 'orders', 'sandbox')
       ORDER BY 1)"
};
constexpr Statement connections_statement{
    "preflight_connections",
    R"(SELECT coalesce(application_name, ''), count(*) FROM pg_stat_activity
       WHERE datid IS NOT NULL AND pid <> pg_backend_pid()
           AND coalesce(backend_type, 'client backend') = 'client backend'
           AND application_name IS DISTINCT FROM current_setting('application_name')
       GROUP BY 1)"
};
constexpr Statement transactions_statement{
    "preflight_transactions",
    R"(SELECT format('pid %s (%s)', pid, coalesce(nullif(application_name, ''), usename, '?')),
              coalesce(state, ''),
              (extract(epoch FROM clock_timestamp() - xact_start) * 1000)::int8,
              (extract(epoch FROM clock_timestamp() - state_change) * 1000)::int8
       FROM pg_stat_activity
       WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid()
           AND backend_type = 'client backend'
       UNION ALL
       SELECT format('transaction %s', gid), 'prepared',
              (extract(epoch FROM clock_timestamp() - prepared) * 1000)::int8, 0::int8
       FROM pg_prepared_xacts
       ORDER BY 3 DESC LIMIT 20)"
};
// pg_basebackup's sessions show here too, as `backup`: they follow nothing.
constexpr Statement standbys_statement{
    "preflight_standbys",
    R"(SELECT coalesce(nullif(application_name, ''), usename, '?')::text, coalesce(state, ''),
              coalesce(sync_state IN ('sync', 'quorum'), false),
              coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn), 0)::int8,
              coalesce((extract(epoch FROM replay_lag) * 1000)::int8, 0)
       FROM pg_stat_replication
       WHERE NOT pg_is_in_recovery() AND coalesce(state, '') <> 'backup')"
};
constexpr Statement slots_statement{
    "preflight_slots",
    R"(SELECT slot_name::text, active,
              coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::int8
       FROM pg_replication_slots WHERE NOT pg_is_in_recovery())"
};
constexpr Statement standby_names_statement{
    "preflight_standby_names", "SELECT current_setting('synchronous_standby_names')"
};
constexpr Statement archive_statement{
    "preflight_archive",
    R"(SELECT current_setting('archive_mode'), archived_count, failed_count,
              coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false),
              current_setting('archive_command') <> '' OR current_setting('archive_library') <> ''
       FROM pg_stat_archiver)"
};
constexpr std::string_view run_df =
    "DROP TABLE IF EXISTS pg_temp.preflight_df;"
    "CREATE TEMPORARY TABLE preflight_df (line text);"
    "COPY preflight_df FROM PROGRAM 'df -Pk . pg_wal/.'"
    " WITH (FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02')";
constexpr Statement df_statement{"preflight_df", "SELECT line FROM pg_temp.preflight_df"};
constexpr std::string_view forget_df = "DROP TABLE IF EXISTS pg_temp.preflight_df";
constexpr Statement doors_statement{
    "preflight_doors",
    R"(SELECT concat_ws(' ', type, array_to_string(database, ','), array_to_string(user_name, ','),
                        address, auth_method)
       FROM pg_hba_file_rules
       WHERE auth_method = 'trust' AND type <> 'local'
           AND address NOT IN ('127.0.0.1', '::1', 'localhost'))"
};
constexpr Statement verifiers_statement{
    "preflight_verifiers",
    "SELECT rolname::text, rolpassword FROM pg_authid"
    " WHERE rolcanlogin AND rolpassword LIKE 'SCRAM-SHA-256$%'"
};
// The first commit of a session is left out: it also fills caches.
constexpr std::string_view make_commits =
    R"(DO $$
       DECLARE
           began timestamptz;
           times text := '';
       BEGIN
           FOR number IN 0..20 LOOP
               PERFORM pg_logical_emit_message(true, 'doorbuster.preflight', 'commit');
               began := clock_timestamp();
               COMMIT;
               IF number > 0 THEN
                   times := concat_ws(' ', nullif(times, ''),
                       (extract(epoch FROM clock_timestamp() - began) * 1000000)::int8);
               END IF;
           END LOOP;
           PERFORM set_config('doorbuster.commits_us', times, false);
       END $$)";
constexpr Statement commits_statement{
    "preflight_commits",
    "SELECT string_to_array(current_setting('doorbuster.commits_us'), ' ')::int8[]"
};
constexpr Statement clock_statement{"preflight_clock", "SELECT clock_timestamp()"};

}  // namespace

net::awaitable<ServerFacts> read_server(postgres::Pool& pool, net::Deadline deadline) {
    const Parameters none;
    const auto row = co_await pool.query(server_statement, none, deadline);
    ServerFacts facts;
    facts.version_number = row.integer(0, 0);
    facts.version = row.text(0, 1);
    facts.fsync = row.text(0, 2);
    facts.full_page_writes = row.text(0, 3);
    facts.synchronous_commit = row.text(0, 4);
    facts.autovacuum = row.text(0, 5);
    facts.synchronous_standby_names = row.text(0, 6);
    facts.in_recovery = row.boolean(0, 7);
    facts.read_only = row.boolean(0, 8);
    facts.is_superuser = row.boolean(0, 9);
    facts.sees_everybody = facts.is_superuser || row.boolean(0, 10);
    facts.connections_max = row.integer(0, 11);
    facts.connections_reserved = row.integer(0, 12);
    const auto overrides = co_await pool.query(overrides_statement, none, deadline);
    for (std::size_t index = 0; index < overrides.rows(); ++index) {
        facts.overrides.emplace_back(overrides.text(index, 0));
    }
    co_return facts;
}

net::awaitable<TableFacts> read_tables(postgres::Pool& pool, net::Deadline deadline) {
    const Parameters none;
    const auto rows = co_await pool.query(tables_statement, none, deadline);
    TableFacts facts;
    for (std::size_t row = 0; row < rows.rows(); ++row) {
        if (rows.boolean(row, 1)) facts.unlogged.emplace_back(rows.text(row, 0));
        if (rows.boolean(row, 2)) facts.without_autovacuum.emplace_back(rows.text(row, 0));
    }
    co_return facts;
}

net::awaitable<std::map<std::string, std::int64_t>> read_connections(
    postgres::Pool& pool, net::Deadline deadline
) {
    const Parameters none;
    const auto rows = co_await pool.query(connections_statement, none, deadline);
    std::map<std::string, std::int64_t> found;
    for (std::size_t row = 0; row < rows.rows(); ++row) {
        found.emplace(rows.text(row, 0), rows.integer(row, 1));
    }
    co_return found;
}

net::awaitable<std::vector<OpenTransaction>> read_transactions(
    postgres::Pool& pool, net::Deadline deadline
) {
    const Parameters none;
    const auto rows = co_await pool.query(transactions_statement, none, deadline);
    std::vector<OpenTransaction> open;
    for (std::size_t row = 0; row < rows.rows(); ++row) {
        OpenTransaction one;
        one.who = rows.text(row, 0);
        one.state = rows.text(row, 1);
        one.age_ms = rows.integer(row, 2);
        one.in_state_ms = rows.integer(row, 3);
        open.push_back(std::move(one));
    }
    co_return open;
}

net::awaitable<ReplicationFacts> read_replication(postgres::Pool& pool, net::Deadline deadline) {
    const Parameters none;
    ReplicationFacts facts;
    const auto names = co_await pool.query(standby_names_statement, none, deadline);
    facts.synchronous_standby_names = names.text(0, 0);
    const auto standbys = co_await pool.query(standbys_statement, none, deadline);
    for (std::size_t row = 0; row < standbys.rows(); ++row) {
        Standby standby;
        standby.name = standbys.text(row, 0);
        standby.state = standbys.text(row, 1);
        standby.is_synchronous = standbys.boolean(row, 2);
        standby.behind_bytes = standbys.integer(row, 3);
        standby.behind_ms = standbys.integer(row, 4);
        facts.standbys.push_back(std::move(standby));
    }
    const auto slots = co_await pool.query(slots_statement, none, deadline);
    for (std::size_t row = 0; row < slots.rows(); ++row) {
        ReplicationSlot slot;
        slot.name = slots.text(row, 0);
        slot.is_active = slots.boolean(row, 1);
        slot.kept_bytes = slots.integer(row, 2);
        facts.slots.push_back(std::move(slot));
    }
    co_return facts;
}

net::awaitable<ArchiveFacts> read_archive(postgres::Pool& pool, net::Deadline deadline) {
    const Parameters none;
    const auto row = co_await pool.query(archive_statement, none, deadline);
    ArchiveFacts facts;
    facts.mode = row.text(0, 0);
    facts.archived = row.integer(0, 1);
    facts.failures = row.integer(0, 2);
    facts.failed_last = row.boolean(0, 3);
    facts.has_way = row.boolean(0, 4);
    co_return facts;
}

net::awaitable<std::vector<std::string>> read_df(postgres::Pool& pool, net::Deadline deadline) {
    const Parameters none;
    const auto connection = co_await pool.acquire(deadline);
    co_await connection->run(run_df, deadline);
    const auto rows = co_await connection->query(df_statement, none, deadline);
    std::vector<std::string> lines;
    for (std::size_t row = 0; row < rows.rows(); ++row) lines.emplace_back(rows.text(row, 0));
    co_await connection->run(forget_df, deadline);
    co_return lines;
}

net::awaitable<LoginFacts> read_logins(postgres::Pool& pool, net::Deadline deadline) {
    const Parameters none;
    LoginFacts facts;
    const auto doors = co_await pool.query(doors_statement, none, deadline);
    for (std::size_t row = 0; row < doors.rows(); ++row) {
        facts.open_doors.emplace_back(doors.text(row, 0));
    }
    const auto verifiers = co_await pool.query(verifiers_statement, none, deadline);
    for (std::size_t row = 0; row < verifiers.rows(); ++row) {
        LoginFacts::Verifier verifier;
        verifier.role = verifiers.text(row, 0);
        verifier.verifier = verifiers.text(row, 1);
        facts.verifiers.push_back(std::move(verifier));
    }
    co_return facts;
}

net::awaitable<std::vector<double>> time_commits_ms(postgres::Pool& pool, net::Deadline deadline) {
    const Parameters none;
    const auto connection = co_await pool.acquire(deadline);
    co_await connection->run(make_commits, deadline);
    const auto row = co_await connection->query(commits_statement, none, deadline);
    std::vector<double> times_ms;
    for (const std::int64_t time_us : row.integer_array(0, 0)) {
        times_ms.push_back(static_cast<double>(time_us) / 1000.0);
    }
    co_return times_ms;
}

net::awaitable<double> read_clock_ms(postgres::Pool& pool, net::Deadline deadline) {
    const Parameters none;
    const auto row = co_await pool.query(clock_statement, none, deadline);
    co_return static_cast<double>(row.timestamp_us(0, 0)) / 1000.0;
}

}  // namespace cli::preflight
