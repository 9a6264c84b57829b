#include "cli/command.hpp"

namespace cli {

void require_sound(const base::Environment& environment) {
    if (environment.problems().empty()) return;
    std::string text = "the environment is incomplete:";
    for (const std::string& problem : environment.problems()) text += "\n  " + problem;
    throw UsageError(text);
}

}  // namespace cli
