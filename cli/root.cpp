#include "cli/root.hpp"

#include <CLI/CLI.hpp>

namespace cli {

std::unique_ptr<CLI::App> make_root(Action& chosen) {
    auto root =
        std::make_unique<CLI::App>("The operator's command of a Doorbuster shop.", "doorbuster");
    root->require_subcommand(1);
    root->footer(
        "A new shop, in order:\n"
        "  doorbuster migrate --migrations services\n"
        "  doorbuster admin create --email admin@example.com\n"
        "  export DOORBUSTER_TOKEN=$(doorbuster admin token --email admin@example.com)\n"
        "  doorbuster catalogue seed\n"
        "  doorbuster sale create --product $PRODUCT --units 100 --price-cents 9900\n\n"
        "Secrets come from the environment only; each NAME may be given as NAME_FILE with a path.\n"
        "Each command has its own --help. Exit codes: 0 ok, 1 failed or an invariant is broken,\n"
        "2 wrong usage or configuration."
    );
    add_migrate(*root, chosen);
    add_admin(*root, chosen);
    add_account(*root, chosen);
    add_keys(*root, chosen);
    add_customers(*root, chosen);
    add_catalogue(*root, chosen);
    add_stock(*root, chosen);
    add_sale(*root, chosen);
    add_order(*root, chosen);
    add_audit(*root, chosen);
    add_preflight(*root, chosen);
    add_completion(*root, chosen);
    return root;
}

}  // namespace cli
