#pragma once

#include <memory>

#include "cli/command.hpp"

namespace cli {

/// The whole command line of `doorbuster`. Parsing it sets `chosen`, which must outlive it.
std::unique_ptr<CLI::App> make_root(Action& chosen);

}  // namespace cli
