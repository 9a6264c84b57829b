#include "cli/audit/audit.hpp"

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/accounts.hpp"
#include "cli/command.hpp"
#include "cli/terminal_line.hpp"

namespace cli {
namespace {

// A check over millions of orders may take long; the locks it takes hinder nobody.
constexpr std::int64_t statement_timeout_ms = 600000;

struct AuditOptions {
    std::string log;
    std::string database_url;
    bool json = false;
};

AuditReport audit_with_progress(
    postgres::Pool& pool, net::asio::io_context& loop, std::optional<std::filesystem::path> log
) {
    TerminalLine line;
    const auto progress = [&line](auto what, auto done, auto total) {
        line.show(fmt::format("{} {}{}", what, done, total > 0 ? fmt::format("/{}", total) : ""));
    };
    return run(loop, audit(pool, std::move(log), progress));
}

int run_audit(const AuditOptions& options) {
    std::string url = options.database_url;
    if (url.empty()) {
        base::Environment environment;
        url = environment.secret(
            "AUDIT_DATABASE_URL", 1, "postgresql:// address with the role auditor's login"
        );
        require_sound(environment);
    }
    std::optional<std::filesystem::path> log;
    if (!options.log.empty()) log = options.log;
    auto settings = database_settings(url);
    settings.statement_timeout_ms = statement_timeout_ms;
    net::asio::io_context loop{1};
    postgres::Pool pool(loop.get_executor(), settings, nullptr);
    const AuditReport report = audit_with_progress(pool, loop, std::move(log));
    std::cout << (options.json ? to_json(report) : to_table(report));
    if (options.json) std::cout << "\n";
    return report.holds() ? exit_ok : exit_failed;
}

}  // namespace

void add_audit(CLI::App& root, Action& chosen) {
    const auto options = std::make_shared<AuditOptions>();
    CLI::App* const audit = root.add_subcommand(
        "audit", "Prove that nothing was oversold, undersold, lost or sold twice"
    );
    audit->add_option("--log", options->log, "The crowd's log, to check what buyers were told")
        ->check(CLI::ExistingFile);
    audit->add_option(
        "--database-url", options->database_url, "Instead of AUDIT_DATABASE_URL (shown to ps)"
    );
    audit->add_flag("--json", options->json, "Print JSON");
    audit->footer(
        "Environment: AUDIT_DATABASE_URL (or AUDIT_DATABASE_URL_FILE with a path).\n"
        "Reads only, and may run beside a sale. Exit code 1: an invariant is broken.\n\nExamples:\n"
        "  doorbuster audit\n"
        "  doorbuster audit --log crowd.tsv --json | jq .findings"
    );
    audit->callback([options, &chosen] { chosen = [options] { return run_audit(*options); }; });
}

}  // namespace cli
