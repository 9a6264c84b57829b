#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "cli/accounts.hpp"
#include "cli/catalogue.hpp"
#include "cli/catalogue_import/import_products.hpp"
#include "cli/command.hpp"
#include "cli/terminal_line.hpp"
#include "json/json.hpp"

namespace cli {
namespace {

constexpr std::size_t problems_shown_max = 50;
// Estimated at half of what a statement may last.
constexpr std::int64_t changes_most = 300000;

struct Options {
    std::string file;
    std::string errors_file;
    bool update = false;
    bool dry_run = false;
    std::int64_t changes_max = ImportOptions{}.changes_max;
    bool json = false;
};

std::string line_of(const std::string& file, const ImportProblem& problem) {
    const std::string field = problem.field.empty() ? "" : problem.field + ": ";
    return fmt::format("{}:{}: {}{}\n", file, problem.line, field, problem.what);
}

void print_json(const Options& options, std::size_t rows, const ImportOutcome& outcome) {
    json::Array errors;
    for (const ImportProblem& problem : outcome.problems.kept()) {
        errors.push_back(
            json::Object{{"line", problem.line}, {"field", problem.field}, {"what", problem.what}}
        );
    }
    std::cout << json::serialize(json::Object{
                     {"rows", static_cast<std::int64_t>(rows)},
                     {"created", outcome.created},
                     {"changed", outcome.changed},
                     {"unchanged", outcome.unchanged},
                     {"dry_run", options.dry_run},
                     {"errors", std::move(errors)},
                     {"errors_total", static_cast<std::int64_t>(outcome.problems.total())},
                 })
              << "\n";
}

/// Those that are kept, at most `shown_max` of them, and how many there are besides.
void list(
    std::ostream& out,
    const std::string& file,
    const ImportProblems& problems,
    std::size_t shown_max,
    std::string_view where_more
) {
    const std::size_t shown = std::min(shown_max, problems.kept().size());
    for (std::size_t index = 0; index < shown; ++index) {
        out << line_of(file, problems.kept()[index]);
    }
    if (problems.total() > shown) {
        out << fmt::format("... and {} more{}\n", problems.total() - shown, where_more);
    }
}

/// All that are kept to the file, if there is one, and the first to the terminal.
void tell(const Options& options, const ImportProblems& problems) {
    if (!options.errors_file.empty()) {
        std::ofstream all(options.errors_file);
        list(all, options.file, problems, ImportProblems::kept_max, "");
        if (!all.flush()) throw Failure("can't write " + options.errors_file);
    }
    if (options.json) return;
    list(
        std::cerr,
        options.file,
        problems,
        problems_shown_max,
        options.errors_file.empty() ? "; --errors FILE takes 1000" : ", in " + options.errors_file
    );
}

ProductFile read_file(const Options& options, TerminalLine& line) {
    std::ifstream input(options.file, std::ios::binary);
    if (!input) throw UsageError("can't read " + options.file);
    return read_product_file(input, [&line](std::int64_t lines) {
        line.show(fmt::format("reading, line {}", lines));
    });
}

ImportOutcome import_file(const Options& options, const ProductFile& file, TerminalLine& line) {
    base::Environment environment;
    const auto url = environment.secret(
        "DATABASE_ADMIN_URL", 1, "postgresql:// address of the database's owner"
    );
    require_sound(environment);
    net::asio::io_context loop{1};
    postgres::Pool pool(loop.get_executor(), database_settings(url), nullptr);
    const auto progress = [&line](std::string_view what, std::size_t done, std::size_t total) {
        line.show(fmt::format("{} {}/{}", what, done, total));
    };
    const ImportOptions how{options.update, options.dry_run, options.changes_max};
    return run(loop, import_products(pool, file.rows, how, progress));
}

int run_import(const Options& options) {
    ImportOutcome outcome;
    std::size_t rows = 0;
    {
        TerminalLine line;
        const ProductFile file = read_file(options, line);
        rows = file.rows.size();
        if (file.problems.empty()) {
            outcome = import_file(options, file, line);
        } else {
            outcome.problems = file.problems;
        }
    }
    tell(options, outcome.problems);
    if (options.json) print_json(options, rows, outcome);
    if (!outcome.problems.empty()) {
        throw Failure(fmt::format(
            "{} problems in {}: nothing was imported", outcome.problems.total(), options.file
        ));
    }
    if (!options.json) {
        std::cout << fmt::format(
            "{}{} products created, {} changed, {} there already\n",
            options.dry_run ? "would be: " : "",
            outcome.created,
            outcome.changed,
            outcome.unchanged
        );
        if (options.dry_run && outcome.changed > 0) {
            std::cout << fmt::format(
                "while they are changed, for some {} s, those {} can't be ordered\n",
                seconds_changing(outcome.changed),
                outcome.changed
            );
        }
    }
    return exit_ok;
}

}  // namespace

void add_catalogue_import(CLI::App& catalogue, Action& chosen) {
    const auto options = std::make_shared<Options>();
    CLI::App* const import =
        catalogue.add_subcommand("import", "Products from a CSV file, all or nothing");
    import->add_option("file", options->file, "CSV; the first line names the columns")
        ->check(CLI::ExistingFile)
        ->required();
    import->add_flag("--update", options->update, "Change products that were imported before");
    import->add_flag(
        "--dry-run", options->dry_run, "Read and compare everything, and change nothing"
    );
    import
        ->add_option(
            "--changes-max",
            options->changes_max,
            "Refuse to change more products at once (what it costs: see below)"
        )
        ->check(CLI::Range(std::int64_t{0}, changes_most))
        ->capture_default_str();
    import->add_option(
        "--errors", options->errors_file, "Write the errors to this file, the first 1000"
    );
    import->add_flag("--json", options->json, "Print JSON");
    import->footer(
        "Columns: name, category, price_cents, currency; optional description, image,\n"
        "initial_stock, key. A row is known by its key, or else by what it says, so that a file\n"
        "may be imported again: what is there already stays as it is, its stock always.\n"
        "Customers wait for nothing but the moment in which products are changed (--update), all\n"
        "at once: about a second for 10,000 of them, which can't be ordered for so long. An order\n"
        "that waits for them longer than 3 s is refused (503, try again), which is why a file "
        "that\n"
        "changes more than --changes-max is refused before anything is held up: split it, or "
        "raise\n"
        "the limit in a quiet hour. --dry-run says how many there are and how long it takes. One\n"
        "that somebody else changed meanwhile is an error, and nothing is imported.\n"
        "Environment: DATABASE_ADMIN_URL (or DATABASE_ADMIN_URL_FILE with a path).\n\nExample:\n"
        "  doorbuster catalogue import products.csv --dry-run\n"
        "  doorbuster catalogue import products.csv --errors wrong.txt"
    );
    import->callback([options, &chosen] { chosen = [options] { return run_import(*options); }; });
}

}  // namespace cli
