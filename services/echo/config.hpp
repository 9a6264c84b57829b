#pragma once

#include "base/environment.hpp"

namespace echo {

/// This room's own variables; those of every room are read by its frame.
struct Config {
    bool show_headers = true;

    static Config read(base::Environment& environment);
};

}  // namespace echo
