#pragma once

#include <string>
#include <vector>

// The two files of auth's signing keys, and how far a change of keys has come. Three single files
// replaced one after the other change the key, and both keys are published whatever moment a pod of
// auth looks at them.

namespace cli::keys {

/// What the two files say.
struct KeyPair {
    std::string signing;              ///< kid of the key that signs
    std::vector<std::string> others;  ///< kids in the other file: the next one, then the last one

    bool operator==(const KeyPair&) const = default;
};

enum class Phase {
    settled,    ///< one key
    published,  ///< the next one is published beside it, and signs nothing yet
    switched    ///< the next one signs; tokens of the last one are still about
};

Phase phase_of(const KeyPair& keys);

/// The kid of the key that is to sign next, or that signed last; empty when settled.
std::string second_of(const KeyPair& keys);

}  // namespace cli::keys
