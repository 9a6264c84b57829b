#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/accounts.hpp"
#include "cli/command.hpp"
#include "cli/preflight/database_checks.hpp"
#include "cli/preflight/guessable.hpp"
#include "cli/preflight/interruption.hpp"
#include "cli/preflight/redis_checks.hpp"
#include "cli/preflight/report.hpp"
#include "cli/preflight/room_checks.hpp"
#include "cli/preflight/settings.hpp"
#include "cli/preflight/smoke_purchase.hpp"
#include "cli/terminal_line.hpp"

namespace cli {
namespace {

using preflight::Checks;
using preflight::Options;
using preflight::Settings;

net::awaitable<void> look_at_everything(
    Checks& checks, const Settings& settings, postgres::Pool& pool
) {
    co_await preflight::check_database(checks, settings, pool);
    co_await preflight::check_redis(checks, settings);
    co_await preflight::check_rooms(checks, settings);
    checks.set_area("Secrets");
    checks.add("given secrets", preflight::judge_secrets(settings.secrets));
    if (!settings.signing_key.empty()) {
        checks.add("signing key", preflight::judge_signing_key(settings.signing_key));
    }
    if (settings.options.skip_smoke) co_return;
    co_await preflight::check_purchase(checks, settings, pool);
}

int run_preflight(const Options& options) {
    base::Environment environment;
    const Settings settings = Settings::read(environment, options);
    require_sound(environment);
    const auto begin = net::SteadyClock::now();
    net::asio::io_context loop{1};
    postgres::Pool pool(loop.get_executor(), database_settings(settings.database_url), nullptr);
    preflight::Report report;
    int interrupted = exit_ok;
    {
        TerminalLine line;
        Checks checks(
            begin + std::chrono::seconds(options.timeout_s),
            [&line](std::string_view check) { line.show(check); }
        );
        const preflight::Interruption interruption(loop.get_executor(), checks);
        run(loop, look_at_everything(checks, settings, pool));
        interrupted = interruption.exit_code();
        report.findings = checks.findings();
    }
    const auto took = net::SteadyClock::now() - begin;
    report.took_ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
    std::cout << (options.json ? to_json(report) + "\n" : to_table(report));
    if (interrupted != exit_ok) return interrupted;
    return report.verdict() == preflight::Verdict::failed ? exit_failed : exit_ok;
}

void add_options(CLI::App& preflight, Options& options) {
    preflight.add_option("--room-pods", options.pods, "Pods that must be ready: order=2,gateway=2")
        ->capture_default_str();
    preflight.add_option("--health-port", options.health_port, "Of order's pods in ORDER_ORIGINS")
        ->check(CLI::Range(1, 65535))
        ->capture_default_str();
    preflight.add_option("--replicas", options.replicas, "Replicas of Redis that must follow")
        ->check(CLI::Range(0, 100))
        ->capture_default_str();
    preflight.add_option("--room-connections", options.connections)
        ->description(
            "To PostgreSQL by each pod of a room: its DATABASE_CONNECTIONS_MAX, and order's "
            "SALE_CONNECTIONS_MAX as order-sale; those left out: auth=4,product=4,order=4,"
            "order-sale=8"
        );
    preflight.add_option("--connections-needed", options.connections_needed)
        ->description(
            "To PostgreSQL by all rooms; computed from --room-pods and --room-connections if left "
            "out"
        )
        ->check(CLI::Range(1, 100000));
    preflight.add_option("--disk-free-mib", options.disk_free_mib, "Least free for PostgreSQL")
        ->check(CLI::Range(0, 1000000000))
        ->capture_default_str();
    preflight.add_option("--migrations", options.migrations)
        ->description("Folder of the rooms' folders; else what this program was built with")
        ->check(CLI::ExistingDirectory);
    preflight
        .add_option(
            "--timeout-s", options.timeout_s, "For everything together; cleaning up may add 10"
        )
        ->check(CLI::Range(5, 600))
        ->capture_default_str();
    preflight.add_flag("--skip-smoke", options.skip_smoke, "Buy nothing");
    preflight.add_flag("--json", options.json, "Print JSON");
}

}  // namespace

void add_preflight(CLI::App& root, Action& chosen) {
    const auto options = std::make_shared<Options>();
    CLI::App* const preflight =
        root.add_subcommand("preflight", "Before a sale: would this shop survive it?");
    add_options(*preflight, *options);
    preflight->footer(
        "Looks at PostgreSQL, Redis and its sentinels, the rooms and the secrets, then sells one\n"
        "unit of a scratch product through the gateway. All checks are made, also if some fail;\n"
        "each that is not ok says what to do. Exit code 0: none failed (there may be warnings);\n"
        "1: one failed; 2: wrong usage; 130, 143: SIGINT or SIGTERM came. The scratch sale is\n"
        "ended and its product archived in any case, also when the time is over or at the first\n"
        "signal (within 20 s; a second one ends at once).\n\n"
        "The purchase is made with tokens signed here for ids of no account, so nothing is "
        "written\n"
        "into auth's accounts. It leaves one archived product, the same in every run, and per run\n"
        "one settled sale of one unit with its paid order. One preflight at a time makes one.\n\n"
        "Environment (each or ..._FILE with a path): DATABASE_ADMIN_URL (a superuser's sees "
        "more),\n"
        "REDIS_SENTINELS, REDIS_MASTER_NAME, REDIS_PASSWORD, REDIS_SENTINEL_PASSWORD and\n"
        "REDIS_FALLBACK as order has them, DOORBUSTER_URL, JWT_SIGNING_KEY; ORDER_ORIGINS as the\n"
        "gateway has it, or ROOM_PODS=room=host:health_port,...; secrets that are only looked at:\n"
        "ADMIN_PASSWORD, *_DATABASE_PASSWORD, AUDIT_DATABASE_URL, SERVICE_SECRET.\n\nExamples:\n"
        "  doorbuster preflight\n"
        "  doorbuster preflight --skip-smoke --json | jq '.checks[] | select(.verdict != \"ok\")'\n"
        "  doorbuster preflight --room-pods order=4,gateway=2 --disk-free-mib 20000"
    );
    preflight->callback([options, &chosen] {
        chosen = [options] { return run_preflight(*options); };
    });
}

}  // namespace cli
