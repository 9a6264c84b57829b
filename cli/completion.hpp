#pragma once

#include <string>

namespace CLI {
class App;
}

namespace cli {

/// A bash script that completes the commands and options of `root`, made from its own tree, so that
/// it can't know more or less than the program. The value of an option completes to file names.
std::string bash_completion(const CLI::App& root);

}  // namespace cli
