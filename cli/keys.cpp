#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/command.hpp"
#include "cli/keys/rotation.hpp"
#include "cli/table.hpp"
#include "token/access_token.hpp"

namespace cli {
namespace {

using keys::Phase;
using keys::Rotation;
using keys::RotationSettings;

struct KeysOptions {
    std::int64_t known_everywhere_s = 75;
    std::int64_t token_lifetime_s = token::lifetime_s_max;
    std::int64_t patience_s = 180;
};

RotationSettings read_settings(const KeysOptions& options) {
    base::Environment environment;
    RotationSettings settings;
    settings.signing_path =
        environment.text("JWT_SIGNING_KEY_FILE", "the file of the key that auth signs with");
    settings.other_path = environment.text(
        "JWT_OTHER_KEY_FILE", "the file of auth's other key, there only while keys change"
    );
    const std::string pods = environment.text("AUTH_PODS", "every pod of auth: host:port,...");
    std::string_view rest = pods;
    while (!rest.empty()) {
        const auto comma = std::min(rest.find(','), rest.size());
        const auto pod = http::Origin::parse(rest.substr(0, comma));
        if (pod) {
            settings.auth.push_back(*pod);
        } else {
            environment.problem("AUTH_PODS", "has a part that is none", "Write host:port,...");
        }
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    require_sound(environment);
    settings.known_everywhere = std::chrono::seconds(options.known_everywhere_s);
    settings.token_lifetime = std::chrono::seconds(options.token_lifetime_s);
    settings.patience = std::chrono::seconds(options.patience_s);
    return settings;
}

int run_rotate(const KeysOptions& options) {
    const auto settings = read_settings(options);
    net::asio::io_context loop{1};
    Rotation rotation(loop.get_executor(), settings);
    run(loop, rotation.run());
    return exit_ok;
}

std::string name_of(Phase phase) {
    switch (phase) {
        case Phase::settled:
            return "settled";
        case Phase::published:
            return "the next key is published";
        case Phase::switched:
            return "the next key signs, the last one is published still";
    }
    return {};
}

int run_status(const KeysOptions& options) {
    const auto settings = read_settings(options);
    net::asio::io_context loop{1};
    Rotation rotation(loop.get_executor(), settings);
    const auto files = rotation.files();
    std::vector<std::vector<std::string>> rows{{"where", "signs", "beside it"}};
    rows.push_back({settings.signing_path, files.signing, keys::second_of(files)});
    for (const auto& pod : run(loop, rotation.published())) {
        const auto& kids = pod.kids;
        rows.push_back(
            {pod.pod.to_string(), kids.empty() ? "" : kids.front(), kids.size() < 2 ? "" : kids[1]}
        );
    }
    std::cout << table(rows) << "\n" << name_of(keys::phase_of(files)) << "\n";
    return exit_ok;
}

constexpr const char* environment_text =
    "Environment: JWT_SIGNING_KEY_FILE, JWT_OTHER_KEY_FILE (as auth has them), AUTH_PODS (every "
    "pod\n"
    "of auth as host:port,...).";

}  // namespace

void add_keys(CLI::App& root, Action& chosen) {
    CLI::App* const keys =
        root.add_subcommand("keys", "The keys that access tokens are signed with");
    keys->require_subcommand(1);
    const auto options = std::make_shared<KeysOptions>();

    CLI::App* const rotate = keys->add_subcommand("rotate", "Change the key; nobody notices");
    rotate
        ->add_option(
            "--known-everywhere-s",
            options->known_everywhere_s,
            "By then who checks tokens has fetched the keys again: TOKEN_KEYS_REFRESH_MS and caches"
        )
        ->check(CLI::Range(1, 3600))
        ->capture_default_str();
    rotate
        ->add_option(
            "--token-lifetime-s",
            options->token_lifetime_s,
            "How long access tokens live: auth's ACCESS_TOKEN_LIFETIME_S"
        )
        ->check(CLI::Range(std::int64_t{1}, token::lifetime_s_max))
        ->capture_default_str();
    rotate->add_option("--patience-s", options->patience_s, "For auth to take the files over")
        ->check(CLI::Range(1, 3600))
        ->capture_default_str();
    rotate->footer(
        std::string(environment_text) +
        "\n\nTakes as long as tokens live, about twelve minutes. Interrupted, run it again: it "
        "goes\n"
        "on where it was. Needs the right to write both files.\n\nExample:\n"
        "  doorbuster keys rotate"
    );
    rotate->callback([options, &chosen] { chosen = [options] { return run_rotate(*options); }; });

    CLI::App* const status = keys->add_subcommand("status", "Which keys there are, and where");
    status->footer(environment_text);
    status->callback([options, &chosen] { chosen = [options] { return run_status(*options); }; });
}

}  // namespace cli
