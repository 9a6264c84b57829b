#include "cli/completion.hpp"

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <gtest/gtest.h>

#include "cli/root.hpp"

namespace cli {
namespace {

/// What a real bash offers for a line whose last word is being typed.
class Completion : public ::testing::Test {
  protected:
    Completion() { std::ofstream(script_) << bash_completion(*root_); }
    ~Completion() override { std::filesystem::remove(script_); }

    std::set<std::string> offers(const std::string& words) const {
        const std::string command = "bash --norc -eu -c 'source " + script_.string() +
                                    "; COMP_WORDS=(" + words +
                                    "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _doorbuster;"
                                    " printf \"%s\\n\" \"${COMPREPLY[@]:-}\"' 2>&1";
        std::FILE* const bash = ::popen(command.c_str(), "r");
        if (bash == nullptr) throw std::runtime_error("can't run bash");
        std::set<std::string> found;
        std::array<char, 512> line{};
        while (std::fgets(line.data(), line.size(), bash) != nullptr) {
            std::string text(line.data());
            while (!text.empty() && text.back() == '\n') text.pop_back();
            if (!text.empty()) found.insert(text);
        }
        EXPECT_EQ(::pclose(bash), 0) << words;
        return found;
    }

    Action chosen_;
    std::unique_ptr<CLI::App> root_ = make_root(chosen_);
    std::filesystem::path script_ =
        std::filesystem::temp_directory_path() /
        ("doorbuster-completion-" + std::to_string(::getpid()) + ".bash");
};

using Words = std::set<std::string>;

TEST_F(Completion, OffersEveryCommandOfTheProgram) {
    Words commands;
    for (const CLI::App* command : root_->get_subcommands([](CLI::App*) { return true; })) {
        commands.insert(command->get_name());
    }
    commands.insert("--help");
    EXPECT_EQ(offers("doorbuster \"\""), commands);
    EXPECT_TRUE(commands.contains("audit"));
}

TEST_F(Completion, FollowsTheCommandsTyped) {
    EXPECT_EQ(offers("doorbuster au"), Words{"audit"});
    EXPECT_EQ(offers("doorbuster sale pa"), Words{"pause"});
    EXPECT_EQ(offers("doorbuster completion \"\""), (Words{"bash", "--help"}));
    EXPECT_EQ(offers("doorbuster nonsense au"), Words{"audit"});
}

TEST_F(Completion, OffersTheOptionsOfTheCommand) {
    EXPECT_EQ(offers("doorbuster audit --l"), Words{"--log"});
    EXPECT_EQ(offers("doorbuster sale create --la"), Words{"--lasts-s"});
}

TEST_F(Completion, LeavesValuesToBash) {
    EXPECT_EQ(offers("doorbuster audit --log \"\""), Words{});
    EXPECT_EQ(offers("doorbuster audit --log sale --j"), Words{"--json"});
    EXPECT_EQ(offers("doorbuster audit --json --l"), Words{"--log"});
}

}  // namespace
}  // namespace cli
