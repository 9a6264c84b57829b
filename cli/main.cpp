#include <iostream>

#include <CLI/CLI.hpp>

#include "cli/root.hpp"

int main(int argc, char** argv) {
    cli::Action chosen;
    const auto root = cli::make_root(chosen);
    try {
        root->parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return root->exit(error) == 0 ? cli::exit_ok : cli::exit_usage;
    }
    try {
        return chosen();
    } catch (const cli::UsageError& error) {
        std::cerr << "doorbuster: " << error.what() << "\n";
        return cli::exit_usage;
    } catch (const std::exception& error) {
        std::cerr << "doorbuster: " << error.what() << "\n";
        return cli::exit_failed;
    }
}
