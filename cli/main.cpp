#include <iostream>

#include <CLI/CLI.hpp>

#include "cli/root.hpp"
#include "logging/logging.hpp"

int main(int argc, char** argv) {
    // What matters is told as text by whoever ends the command.
    logging::configure("doorbuster", logging::Level::error);
    cli::Action chosen;
    const auto root = cli::make_root(chosen);
    try {
        root->parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return root->exit(error) == 0 ? cli::exit_ok : cli::exit_usage;
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
