#include <iostream>
#include <memory>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "base/timestamp.hpp"
#include "cli/accounts.hpp"
#include "cli/command.hpp"
#include "cli/stock/stock_books.hpp"
#include "cli/table.hpp"
#include "json/json.hpp"

namespace cli {
namespace {

constexpr std::int64_t rows_max = 10000;
// Over a ledger of millions of rows.
constexpr std::int64_t statement_timeout_ms = 600000;
constexpr std::size_t reason_bytes_max = 200;

struct Options {
    std::string product;
    std::int64_t limit = 20;
    bool fix = false;
    bool yes = false;
    std::string trust;
    std::string reason = "books corrected";
    bool json = false;
};

struct Books {
    /// `variable`: whose login to use. Throws UsageError.
    explicit Books(const char* variable, const char* meaning)
        : pool(loop.get_executor(), settings(variable, meaning), nullptr) {}

    static postgres::PoolSettings settings(const char* variable, const char* meaning) {
        base::Environment environment;
        const auto url = environment.secret(variable, 1, meaning);
        require_sound(environment);
        auto found = database_settings(url);
        found.statement_timeout_ms = statement_timeout_ms;
        return found;
    }

    net::asio::io_context loop{1};
    postgres::Pool pool;
};

std::unique_ptr<Books> books_to_read() {
    return std::make_unique<Books>(
        "AUDIT_DATABASE_URL", "postgresql:// address with the role auditor's login"
    );
}

std::unique_ptr<Books> books_to_correct() {
    return std::make_unique<Books>(
        "DATABASE_ADMIN_URL", "postgresql:// address of the database's owner"
    );
}

std::optional<base::Uuid> product_of(const Options& options) {
    if (options.product.empty()) return std::nullopt;
    const auto id = base::Uuid::parse(options.product);
    if (!id) throw UsageError(fmt::format("product '{}' is not a UUID", options.product));
    return id;
}

json::Value time_or_null(const std::optional<std::int64_t>& at_ms) {
    if (!at_ms) return nullptr;
    return json::Value(base::format_timestamp(*at_ms));
}

std::string with_sign(std::int64_t change) {
    return change == 0 ? "" : fmt::format("{:+}", change);
}

void print_stock(const std::vector<StockLine>& lines, bool as_json) {
    json::Array listed;
    std::vector<std::vector<std::string>> rows{
        {"id", "name", "stock", "set aside", "free", "reservations", ""}
    };
    for (const StockLine& line : lines) {
        listed.push_back(json::Object{
            {"id", line.id.to_string()},
            {"name", line.name},
            {"archived", line.archived},
            {"stock", line.stock},
            {"reserved", line.reserved},
            {"available", line.stock - line.reserved},
            {"open_reservations", line.open_reservations},
        });
        rows.push_back(
            {line.id.to_string(),
             line.name,
             std::to_string(line.stock),
             std::to_string(line.reserved),
             std::to_string(line.stock - line.reserved),
             std::to_string(line.open_reservations),
             line.archived ? "archived" : ""}
        );
    }
    std::cout << (as_json ? json::serialize(listed) + "\n" : table(rows));
}

void print_product(const StockLine& line, const std::vector<OpenReservation>& open, bool as_json) {
    json::Array reservations;
    std::vector<std::vector<std::string>> rows{{"reservation", "for", "units", "since", "runs out"}
    };
    for (const OpenReservation& one : open) {
        reservations.push_back(json::Object{
            {"id", one.id.to_string()},
            {"purpose", one.purpose},
            {"quantity", one.quantity},
            {"created_at", base::format_timestamp(one.created_at_ms)},
            {"expires_at", time_or_null(one.expires_at_ms)},
        });
        rows.push_back(
            {one.id.to_string(),
             one.purpose,
             std::to_string(one.quantity),
             base::format_timestamp(one.created_at_ms),
             one.expires_at_ms ? base::format_timestamp(*one.expires_at_ms) : "when it is settled"}
        );
    }
    if (!as_json) {
        print_stock({line}, false);
        if (!open.empty()) std::cout << "\n" << table(rows);
        return;
    }
    std::cout << json::serialize(json::Object{
                     {"id", line.id.to_string()},
                     {"name", line.name},
                     {"archived", line.archived},
                     {"stock", line.stock},
                     {"reserved", line.reserved},
                     {"available", line.stock - line.reserved},
                     {"open_reservations", std::move(reservations)},
                 })
              << "\n";
}

StockLine require_product(Books& books, const base::Uuid& id) {
    auto lines = run(books.loop, read_stock(books.pool, id, 1));
    if (lines.empty()) throw Failure("there is no product " + id.to_string());
    return std::move(lines.front());
}

int run_show(const Options& options) {
    const auto product = product_of(options);
    const auto books = books_to_read();
    if (!product) {
        print_stock(
            run(books->loop, read_stock(books->pool, std::nullopt, options.limit)), options.json
        );
        return exit_ok;
    }
    const StockLine line = require_product(*books, *product);
    const auto open =
        run(books->loop, read_open_reservations(books->pool, *product, options.limit));
    print_product(line, open, options.json);
    return exit_ok;
}

int run_history(const Options& options) {
    const auto product = product_of(options);
    const auto books = books_to_read();
    require_product(*books, *product);
    json::Array listed;
    std::vector<std::vector<std::string>> rows{
        {"at", "what", "stock", "", "set aside", "", "by", "why"}
    };
    for (const Movement& one :
         run(books->loop, read_history(books->pool, *product, options.limit))) {
        listed.push_back(json::Object{
            {"at", base::format_timestamp(one.at_ms)},
            {"kind", one.kind},
            {"stock_change", one.stock_change},
            {"reserved_change", one.reserved_change},
            {"stock_after", one.stock_after},
            {"reserved_after", one.reserved_after},
            {"actor", one.actor},
            {"reason", one.reason.empty() ? json::Value(nullptr) : json::Value(one.reason)},
            {"cause", one.cause ? json::Value(one.cause->to_string()) : json::Value(nullptr)},
        });
        rows.push_back(
            {base::format_timestamp(one.at_ms),
             one.kind,
             with_sign(one.stock_change),
             std::to_string(one.stock_after),
             with_sign(one.reserved_change),
             std::to_string(one.reserved_after),
             one.actor,
             !one.reason.empty() ? one.reason
             : one.cause         ? one.cause->to_string()
                                 : ""}
        );
    }
    std::cout << (options.json ? json::serialize(listed) + "\n" : table(rows));
    return exit_ok;
}

json::Object to_json(const StockDifference& one) {
    return {
        {"product_id", one.product_id.to_string()},
        {"name", one.name},
        {"stock", one.stock},
        {"reserved", one.reserved},
        {"ledger_stock", one.ledger_stock},
        {"ledger_reserved", one.ledger_reserved},
        {"open_reserved", one.open_reserved},
        {"proposed_stock",
         one.proposed_stock ? json::Value(*one.proposed_stock) : json::Value(nullptr)},
        {"finding", one.finding},
    };
}

std::string to_table(const std::vector<StockDifference>& differences) {
    std::vector<std::vector<std::string>> rows{
        {"product", "name", "stock", "ledger", "right", "set aside", "ledger", "open", "finding"}
    };
    for (const StockDifference& one : differences) {
        rows.push_back(
            {one.product_id.to_string(),
             one.name,
             std::to_string(one.stock),
             std::to_string(one.ledger_stock),
             one.proposed_stock ? std::to_string(*one.proposed_stock) : "?",
             std::to_string(one.reserved),
             std::to_string(one.ledger_reserved),
             std::to_string(one.open_reserved),
             one.finding}
        );
    }
    return table(rows);
}

std::string what_to_do(const std::string& outcome) {
    if (outcome == "undecided") {
        return "nobody can tell which stock is right: count, and say --trust ledger or --trust row";
    }
    if (outcome == "below_reserved") {
        return "more is set aside than would be there: settle reservations, or count and restock";
    }
    return outcome == "in_balance" ? "is right by now" : "";
}

bool may_correct(const Options& options, std::size_t products) {
    if (options.yes) return true;
    if (::isatty(STDIN_FILENO) == 0) {
        throw UsageError("nobody to ask: look at what is found, then say --fix --yes");
    }
    std::cerr << fmt::format("Correct {} products? Type yes: ", products) << std::flush;
    std::string answer;
    std::getline(std::cin, answer);
    return answer == "yes";
}

/// How many are left as they are.
std::size_t correct_all(
    Books& books,
    const Options& options,
    const std::vector<StockDifference>& differences,
    json::Array& corrections
) {
    std::size_t left = 0;
    for (const StockDifference& difference : differences) {
        const auto done =
            run(books.loop,
                correct_stock(books.pool, difference.product_id, options.trust, options.reason));
        if (done.outcome != "corrected" && done.outcome != "in_balance") ++left;
        corrections.push_back(json::Object{
            {"product_id", difference.product_id.to_string()},
            {"outcome", done.outcome},
            {"stock_before", done.stock_before},
            {"reserved_before", done.reserved_before},
            {"stock_after", done.stock_after},
            {"reserved_after", done.reserved_after},
        });
        if (options.json) continue;
        std::cout << difference.product_id.to_string() << ": "
                  << (done.outcome == "corrected" ? fmt::format(
                                                        "stock {} -> {}, set aside {} -> {}",
                                                        done.stock_before,
                                                        done.stock_after,
                                                        done.reserved_before,
                                                        done.reserved_after
                                                    )
                                                  : what_to_do(done.outcome))
                  << "\n";
    }
    return left;
}

int run_reconcile(const Options& options) {
    const auto product = product_of(options);
    if (options.reason.empty() || options.reason.size() > reason_bytes_max) {
        throw UsageError("--reason is 1 to 200 bytes");
    }
    const auto books = options.fix ? books_to_correct() : books_to_read();
    if (product) require_product(*books, *product);
    const auto differences = run(books->loop, read_differences(books->pool, product));
    json::Array found;
    for (const StockDifference& one : differences) found.push_back(to_json(one));
    if (!options.json) {
        std::cout
            << (differences.empty() ? "rows, ledger and reservations agree\n"
                                    : to_table(differences));
    }
    json::Array corrections;
    std::size_t left = differences.size();
    if (options.fix && !differences.empty() && may_correct(options, differences.size())) {
        left = correct_all(*books, options, differences, corrections);
    }
    if (options.json) {
        std::cout << json::serialize(json::Object{
                         {"differences", std::move(found)}, {"corrections", std::move(corrections)}
                     })
                  << "\n";
    }
    return left == 0 ? exit_ok : exit_failed;
}

void add_show(CLI::App& stock, const std::shared_ptr<Options>& options, Action& chosen) {
    CLI::App* const show = stock.add_subcommand("show", "Units there, set aside and free");
    show->add_option("product", options->product, "Its id; else those with the fewest free units");
    show->add_option("--limit", options->limit, "How many rows")
        ->check(CLI::Range(std::int64_t{1}, rows_max))
        ->capture_default_str();
    show->add_flag("--json", options->json, "Print JSON");
    show->footer(
        "Environment: AUDIT_DATABASE_URL.\n\nExamples:\n  doorbuster stock show --limit 50\n"
        "  doorbuster stock show $PRODUCT    # with its open reservations"
    );
    show->callback([options, &chosen] { chosen = [options] { return run_show(*options); }; });
}

void add_history(CLI::App& stock, const std::shared_ptr<Options>& options, Action& chosen) {
    CLI::App* const history =
        stock.add_subcommand("history", "What moved a product's units, the newest first");
    history->add_option("product", options->product, "Its id")->required();
    history->add_option("--limit", options->limit, "How many movements")
        ->check(CLI::Range(std::int64_t{1}, rows_max))
        ->capture_default_str();
    history->add_flag("--json", options->json, "Print JSON");
    history->footer(
        "Environment: AUDIT_DATABASE_URL.\n\nExample:\n"
        "  doorbuster stock history $PRODUCT --limit 100"
    );
    history->callback([options, &chosen] { chosen = [options] { return run_history(*options); }; });
}

void add_reconcile(CLI::App& stock, const std::shared_ptr<Options>& options, Action& chosen) {
    CLI::App* const reconcile = stock.add_subcommand(
        "reconcile", "Compare stock with its ledger and reservations, and set it right"
    );
    reconcile->add_option("product", options->product, "Its id; else all");
    CLI::Option* const fix = reconcile->add_flag("--fix", options->fix, "Correct what differs");
    reconcile->add_flag("--yes", options->yes, "Without asking")->needs(fix);
    reconcile->add_option("--trust", options->trust, "Which stock is right, whatever is proposed")
        ->check(CLI::IsMember({"ledger", "row"}))
        ->needs(fix);
    reconcile->add_option("--reason", options->reason, "For the ledger")
        ->capture_default_str()
        ->needs(fix);
    reconcile->add_flag("--json", options->json, "Print JSON");
    reconcile->footer(
        "Set aside is what open reservations hold. About the stock the ledger or the product's "
        "row\n"
        "is right, whichever says what is on record beside them: the initial units (or the newest\n"
        "correction) and the restocks, returns and sales since. Where neither does, somebody has\n"
        "to count and say --trust. A correction is a row of the ledger, never a change of one.\n"
        "May run while the shop sells.\n"
        "Environment: AUDIT_DATABASE_URL; with --fix DATABASE_ADMIN_URL. Exit code 1: something\n"
        "differs still.\n\nExamples:\n  doorbuster stock reconcile\n"
        "  doorbuster stock reconcile --fix --reason 'restored from backup'"
    );
    reconcile->callback([options, &chosen] {
        chosen = [options] { return run_reconcile(*options); };
    });
}

}  // namespace

void add_stock(CLI::App& root, Action& chosen) {
    CLI::App* const stock = root.add_subcommand("stock", "The units of products and their ledger");
    stock->require_subcommand(1);
    const auto options = std::make_shared<Options>();
    add_show(*stock, options, chosen);
    add_history(*stock, options, chosen);
    add_reconcile(*stock, options, chosen);
}

}  // namespace cli
