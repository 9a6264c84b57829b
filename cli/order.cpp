#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/uuid.hpp"
#include "cli/accounts.hpp"
#include "cli/command.hpp"
#include "cli/order_story.hpp"

namespace cli {
namespace {

struct OrderOptions {
    std::string id;
    bool json = false;
};

int run_show(const OrderOptions& options) {
    const auto order = base::Uuid::parse(options.id);
    if (!order) throw UsageError(fmt::format("order '{}' is not a UUID", options.id));
    base::Environment environment;
    const std::string url = environment.secret(
        "AUDIT_DATABASE_URL", 1, "postgresql:// address with the role auditor's login"
    );
    require_sound(environment);
    net::asio::io_context loop{1};
    postgres::Pool pool(loop.get_executor(), database_settings(url), nullptr);
    const OrderStory story = run(loop, read_order_story(pool, *order));
    std::cout << (options.json ? to_json(story) + "\n" : to_table(story));
    return exit_ok;
}

}  // namespace

void add_order(CLI::App& root, Action& chosen) {
    CLI::App* const order = root.add_subcommand("order", "Orders of customers");
    order->require_subcommand(1);
    const auto options = std::make_shared<OrderOptions>();
    CLI::App* const show = order->add_subcommand(
        "show", "All that the shop has written down about an order, of either kind"
    );
    show->add_option("id", options->id, "The order's id")->required();
    show->add_flag("--json", options->json, "Print JSON");
    show->footer(
        "Its lines, history and payments, the provider's book, product's reservations and "
        "returns,\n"
        "from one snapshot. Times are UTC.\n\n"
        "Environment: AUDIT_DATABASE_URL (or AUDIT_DATABASE_URL_FILE with a path).\n\nExamples:\n"
        "  doorbuster order show $ORDER\n"
        "  doorbuster order show $ORDER --json | jq .payments"
    );
    show->callback([options, &chosen] { chosen = [options] { return run_show(*options); }; });
}

}  // namespace cli
