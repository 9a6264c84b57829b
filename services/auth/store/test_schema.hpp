#pragma once

#include <string>

#include "net/net.hpp"
#include "postgres/migrate.hpp"
#include "postgres/pool.hpp"

// For the room's tests: a fresh database as a deployment prepares it.

namespace auth {

inline net::awaitable<void> prepare_schema(postgres::Pool& owner, std::string migrations_folder) {
    const auto deadline = net::deadline_in(std::chrono::seconds(20));
    const auto connection = co_await owner.acquire(deadline);
    // Roles belong to the server, which tests share.
    co_await connection->run(
        "DO $$ BEGIN CREATE ROLE auth LOGIN; CREATE ROLE stranger LOGIN;"
        " EXCEPTION WHEN duplicate_object THEN NULL; END $$",
        deadline
    );
    const auto migrations = postgres::read_migrations(migrations_folder);
    co_await postgres::migrate(*connection, "auth", migrations, deadline);
}

/// `owner_url` is that of the superuser postgres.
inline postgres::PoolSettings settings_of(
    const std::string& owner_url, const std::string& role, std::size_t connections_max = 4
) {
    postgres::PoolSettings made;
    made.url = owner_url;
    const std::string owner_role = "//postgres@";
    made.url.replace(made.url.find(owner_role), owner_role.size(), "//" + role + '@');
    made.application_name = "auth_test";
    made.connections_max = connections_max;
    return made;
}

}  // namespace auth
