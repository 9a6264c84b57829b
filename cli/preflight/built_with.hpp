#pragma once

namespace cli::preflight {

/// The newest step of each room's schema when this program was built.
struct BuiltWith {
    int auth = 0;
    int product = 0;
    int orders = 0;
    int sandbox = 0;  ///< payment's
};
BuiltWith built_with();

}  // namespace cli::preflight
