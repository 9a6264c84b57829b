#include "cli/completion.hpp"

#include <iostream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/command.hpp"

namespace cli {
namespace {

// $command is the path of commands typed so far. What follows an option that takes a value is that
// value, also if it is called like a command.
constexpr std::string_view script = R"(# Completion of {name} for bash:
#   source <({name} completion bash)
_{name}() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} command={name} skips= i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [ -n "$skips" ]; then
            skips=
            continue
        fi
        case "$command ${{COMP_WORDS[i]}}" in
{values}            *) skips= ;;
        esac
        case "$command ${{COMP_WORDS[i]}}" in
{commands}        esac
    done
    [ -z "$skips" ] || return 0
    case "$command" in
{offers}    esac
}}
complete -o default -F _{name} {name}
)";

struct Parts {
    std::string values;    ///< cases: the next word is an option's value
    std::string commands;  ///< cases: the word is a command
    std::string offers;    ///< cases: what may be typed after a command
};

void describe(const CLI::App& app, const std::string& path, Parts& parts) {
    std::string words;
    std::string with_value;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        const std::string whole = path + " " + command->get_name();
        words += command->get_name() + " ";
        parts.commands += fmt::format("            '{0}') command='{0}' ;;\n", whole);
        describe(*command, whole, parts);
    }
    for (const CLI::Option* option : app.get_options()) {
        for (const std::string& name : option->get_lnames()) {
            words += "--" + name + " ";
            if (option->get_items_expected_max() == 0) continue;
            with_value += fmt::format("{}'{} --{}'", with_value.empty() ? "" : " | ", path, name);
        }
    }
    if (!with_value.empty()) {
        parts.values += fmt::format("            {}) skips=1 ;;\n", with_value);
    }
    if (!words.empty()) words.pop_back();
    parts.offers += fmt::format(
        "        '{}') mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$word\") ;;\n", path, words
    );
}

}  // namespace

std::string bash_completion(const CLI::App& root) {
    Parts parts;
    describe(root, root.get_name(), parts);
    return fmt::format(
        script,
        fmt::arg("name", root.get_name()),
        fmt::arg("values", parts.values),
        fmt::arg("commands", parts.commands),
        fmt::arg("offers", parts.offers)
    );
}

void add_completion(CLI::App& root, Action& chosen) {
    CLI::App* const completion = root.add_subcommand("completion", "Completion for your shell");
    completion->require_subcommand(1);
    CLI::App* const bash = completion->add_subcommand("bash", "Print a script for bash");
    bash->footer(
        "Example:\n  doorbuster completion bash >/etc/bash_completion.d/doorbuster\n"
        "  source <(doorbuster completion bash)"
    );
    bash->callback([&root, &chosen] {
        chosen = [&root] {
            std::cout << bash_completion(root);
            return exit_ok;
        };
    });
}

}  // namespace cli
