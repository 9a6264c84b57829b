#include <iostream>

#include <CLI/CLI.hpp>

#include "cli/command.hpp"
#include "logging/logging.hpp"

int main(int argc, char** argv) {
    // What matters is told as text by whoever ends the command.
    logging::configure("doorbuster", logging::Level::error);
    CLI::App root("The operator's command of a Doorbuster shop.", "doorbuster");
    root.require_subcommand(1);
    root.footer(
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
    cli::Action chosen;
    cli::add_migrate(root, chosen);
    cli::add_admin(root, chosen);
    cli::add_customers(root, chosen);
    cli::add_catalogue(root, chosen);
    cli::add_sale(root, chosen);
    cli::add_audit(root, chosen);
    try {
        root.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return root.exit(error) == 0 ? cli::exit_ok : cli::exit_usage;
    }
    try {
        const int code = chosen();
        // A full disk behind a pipe or a file must not look like an answer.
        if (!std::cout.flush()) throw cli::Failure("can't write to standard output");
        return code;
    } catch (const cli::UsageError& error) {
        std::cerr << "doorbuster: " << error.what() << "\n";
        return cli::exit_usage;
    } catch (const std::invalid_argument& error) {  // an address of the environment
        std::cerr << "doorbuster: " << error.what() << "\n";
        return cli::exit_usage;
    } catch (const std::exception& error) {
        std::cerr << "doorbuster: " << error.what() << "\n";
        return cli::exit_failed;
    }
}
