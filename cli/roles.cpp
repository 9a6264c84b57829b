#include "cli/roles.hpp"

namespace cli {
namespace {

using postgres::Parameters;
using postgres::Statement;

// Statements that carry a password stay out of the server's log, where the session may say so.
constexpr Statement keep_out_of_log{
    "cli_keep_out_of_log",
    "SELECT set_config(name, value, false) FROM (VALUES ('log_statement', 'none'),"
    " ('log_min_duration_statement', '-1'), ('log_min_error_statement', 'panic'))"
    " AS quiet(name, value) WHERE (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
};
constexpr Statement role_exists{
    "cli_role_exists", "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)"
};
// PostgreSQL takes no parameters in CREATE ROLE: the server itself quotes them.
constexpr Statement role_text{
    "cli_role_text",
    "SELECT format('%s ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION"
    " NOBYPASSRLS PASSWORD %L', CASE WHEN $1 THEN 'ALTER' ELSE 'CREATE' END, $2::text, $3::text)"
};
constexpr Statement privileges_text{
    "cli_privileges_text",
    "SELECT format('REVOKE ALL ON DATABASE %1$I FROM PUBLIC; REVOKE ALL ON SCHEMA public FROM"
    " PUBLIC; GRANT CONNECT ON DATABASE %1$I TO %2$s', current_database(),"
    " (SELECT string_agg(format('%I', role), ', ') FROM unnest($1::text[]) AS given(role)))"
};

constexpr std::string_view lock =
    "SELECT pg_advisory_lock(hashtextextended('doorbuster roles', 0))";
constexpr std::string_view unlock =
    "SELECT pg_advisory_unlock(hashtextextended('doorbuster roles', 0));"
    "RESET log_statement; RESET log_min_duration_statement; RESET log_min_error_statement";
constexpr std::string_view unlock_plainly =
    "SELECT pg_advisory_unlock(hashtextextended('doorbuster roles', 0))";

net::awaitable<RoleOutcome> ensure_role(
    postgres::Connection& connection,
    const LoginRole& role,
    bool set_passwords,
    net::Deadline deadline
) {
    Parameters name;
    name.text(role.name);
    const auto found = co_await connection.query(role_exists, name, deadline);
    const bool exists = found.boolean(0, 0);
    if (exists && !set_passwords) co_return RoleOutcome{role.name, false, false};
    Parameters given;
    given.boolean(exists).text(role.name).text(role.password);
    const auto text = co_await connection.query(role_text, given, deadline);
    co_await connection.run(text.text(0, 0), deadline);
    co_return RoleOutcome{role.name, !exists, true};
}

net::awaitable<std::vector<RoleOutcome>> ensure_locked(
    postgres::Connection& connection,
    const std::vector<LoginRole>& roles,
    bool set_passwords,
    net::Deadline deadline
) {
    std::vector<RoleOutcome> outcomes;
    std::vector<std::string> names;
    for (const LoginRole& role : roles) {
        const auto outcome = co_await ensure_role(connection, role, set_passwords, deadline);
        outcomes.push_back(outcome);
        names.push_back(role.name);
    }
    Parameters given;
    given.text_array(names);
    const auto text = co_await connection.query(privileges_text, given, deadline);
    co_await connection.run(text.text(0, 0), deadline);
    co_return outcomes;
}

}  // namespace

net::awaitable<std::vector<RoleOutcome>> ensure_roles(
    postgres::Connection& connection,
    std::vector<LoginRole> roles,
    bool set_passwords,
    net::Deadline deadline
) {
    co_await connection.run(lock, deadline);
    std::exception_ptr failure;
    std::vector<RoleOutcome> outcomes;
    bool quiet = false;
    try {
        const Parameters nothing;
        const auto silenced = co_await connection.query(keep_out_of_log, nothing, deadline);
        quiet = !silenced.empty();
        outcomes = co_await ensure_locked(connection, roles, set_passwords, deadline);
    } catch (...) {
        failure = std::current_exception();
    }
    if (connection.is_open()) co_await connection.run(quiet ? unlock : unlock_plainly, deadline);
    if (failure) std::rethrow_exception(failure);
    co_return outcomes;
}

}  // namespace cli
