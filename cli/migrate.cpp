#include "postgres/migrate.hpp"

#include <filesystem>
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/timestamp.hpp"
#include "cli/accounts.hpp"
#include "cli/command.hpp"
#include "cli/connect.hpp"
#include "cli/roles.hpp"
#include "cli/table.hpp"

namespace cli {
namespace {

constexpr std::chrono::seconds roles_patience{60};
constexpr std::size_t password_bytes_min = 12;

struct MigrateOptions {
    std::string migrations = "services";
    std::int64_t wait_s = 60;
    std::int64_t patience_s = 1200;
    bool set_passwords = false;
    postgres::MigrateLimits limits;
};

struct RoomSchema {
    std::string room;
    std::string schema;
};
const std::vector<RoomSchema> rooms{
    {"auth", "auth"}, {"product", "product"}, {"order", "orders"}, {"payment", "sandbox"}
};

struct Step {
    std::string schema;
    std::vector<postgres::Migration> migrations;
};

/// All files are read before anything is changed.
std::vector<Step> read_steps(const std::string& folder) {
    std::vector<Step> steps;
    for (const RoomSchema& room : rooms) {
        const auto path = std::filesystem::path(folder) / room.room / "migrations";
        if (!std::filesystem::is_directory(path)) {
            throw UsageError(fmt::format(
                "{} is not a folder; give the folder that holds auth, product, order and payment "
                "with "
                "--migrations (from the project's root: --migrations services)",
                path.string()
            ));
        }
        try {
            steps.push_back({room.schema, postgres::read_migrations(path.string())});
        } catch (const std::exception& error) {
            throw UsageError(error.what());
        }
    }
    return steps;
}

struct Outcome {
    std::vector<RoleOutcome> roles;
    std::vector<postgres::MigrationOutcome> schemas;
};

net::awaitable<Outcome> migrate_all(
    postgres::Pool& pool,
    std::vector<LoginRole> roles,
    std::vector<Step> steps,
    MigrateOptions options
) {
    const auto connection =
        co_await connect_patiently(pool, net::deadline_in(std::chrono::seconds(options.wait_s)));
    Outcome outcome;
    outcome.roles = co_await ensure_roles(
        *connection, roles, options.set_passwords, net::deadline_in(roles_patience)
    );
    const auto deadline = net::deadline_in(std::chrono::seconds(options.patience_s));
    for (const Step& step : steps) {
        const auto migrated = co_await postgres::migrate(
            *connection, step.schema, step.migrations, deadline, options.limits
        );
        outcome.schemas.push_back(migrated);
    }
    co_return outcome;
}

void print(const Outcome& outcome, const std::vector<Step>& steps) {
    std::vector<std::vector<std::string>> rows{{"role", ""}};
    for (const RoleOutcome& role : outcome.roles) {
        const char* what = role.created        ? "created"
                           : role.password_set ? "password set"
                                               : "there already";
        rows.push_back({role.name, what});
    }
    std::cout << table(rows) << "\n";
    rows = {{"schema", "from", "to"}};
    for (std::size_t index = 0; index < steps.size(); ++index) {
        const auto& schema = outcome.schemas[index];
        rows.push_back({steps[index].schema, std::to_string(schema.from), std::to_string(schema.to)}
        );
    }
    std::cout << table(rows);
}

int run_migrate(const MigrateOptions& options) {
    base::Environment environment;
    const auto url = environment.secret(
        "DATABASE_ADMIN_URL", 1, "postgresql:// address of the database's owner"
    );
    const auto password = [&](const char* name, const char* role) {
        return environment.secret(
            name, password_bytes_min, fmt::format("password of the login role {}", role)
        );
    };
    const std::vector<LoginRole> roles{
        {"auth", password("AUTH_DATABASE_PASSWORD", "auth")},
        {"product", password("PRODUCT_DATABASE_PASSWORD", "product")},
        {"orders", password("ORDERS_DATABASE_PASSWORD", "orders")},
        {"payment", password("PAYMENT_DATABASE_PASSWORD", "payment")},
        {"auditor", password("AUDITOR_DATABASE_PASSWORD", "auditor")},
    };
    require_sound(environment);
    const auto steps = read_steps(options.migrations);
    net::asio::io_context loop{1};
    postgres::Pool pool(loop.get_executor(), database_settings(url), nullptr);
    print(run(loop, migrate_all(pool, roles, steps, options)), steps);
    return exit_ok;
}

void add_lock_options(CLI::App& migrate, postgres::MigrateLimits& limits) {
    migrate
        .add_option(
            "--lock-timeout-ms",
            limits.lock_timeout_ms,
            "A step waits so long for a lock, and the shop behind it, before it tries again"
        )
        ->check(CLI::Range(10, 60000))
        ->capture_default_str();
    migrate
        .add_option(
            "--autovacuum-lock-timeout-ms",
            limits.autovacuum_lock_timeout_ms,
            "The same after autovacuum was in the way, which leaves after the server's "
            "deadlock_timeout"
        )
        ->check(CLI::Range(10, 60000))
        ->capture_default_str();
    migrate
        .add_option(
            "--concurrent-lock-timeout-ms",
            limits.concurrent_lock_timeout_ms,
            "The same of indexes that are built beside the shop, where nobody waits behind it"
        )
        ->check(CLI::Range(10, 3600000))
        ->capture_default_str();
    migrate.add_option("--attempts", limits.attempts_max, "A step tries so often to get its locks")
        ->check(CLI::Range(1, 10000))
        ->capture_default_str();
    migrate
        .add_option(
            "--concurrent-attempts",
            limits.concurrent_attempts_max,
            "The same of indexes that are built beside the shop"
        )
        ->check(CLI::Range(1, 10000))
        ->capture_default_str();
}

}  // namespace

void add_migrate(CLI::App& root, Action& chosen) {
    const auto options = std::make_shared<MigrateOptions>();
    CLI::App* const migrate =
        root.add_subcommand("migrate", "Bring the database's roles and schemas up to date");
    migrate->add_option("--migrations", options->migrations, "Folder of the rooms' folders")
        ->capture_default_str();
    migrate->add_option("--wait-s", options->wait_s, "Wait so long for a database that isn't up")
        ->check(CLI::Range(0, 3600))
        ->capture_default_str();
    migrate
        ->add_option(
            "--patience-s",
            options->patience_s,
            "All steps together have so long; whatever ends this command must wait longer, with "
            "--wait-s, or nobody is told what was in the way"
        )
        ->check(CLI::Range(10, 86400))
        ->capture_default_str();
    migrate->add_flag(
        "--set-passwords", options->set_passwords, "Also set the passwords of roles that exist"
    );
    add_lock_options(*migrate, options->limits);
    migrate->footer(
        "Environment: DATABASE_ADMIN_URL; AUTH_, PRODUCT_, ORDERS_, PAYMENT_ and\n"
        "AUDITOR_DATABASE_PASSWORD (or ..._FILE with a path). Running it again, or several at "
        "once, is harmless.\n"
        "May run while the shop sells: no step holds anybody up for longer than its lock timeout;\n"
        "one that doesn't get its locks gives up and says who holds them.\n\n"
        "Examples:\n"
        "  doorbuster migrate --migrations services\n"
        "  doorbuster migrate --set-passwords      after rotating the passwords"
    );
    migrate->callback([options, &chosen] { chosen = [options] { return run_migrate(*options); }; });
}

}  // namespace cli
