#include "cli/keys/key_pair.hpp"

#include <algorithm>

namespace cli::keys {

Phase phase_of(const KeyPair& keys) {
    if (second_of(keys).empty()) return Phase::settled;
    const bool names_both = keys.others.size() == 2 && keys.others.back() == keys.signing;
    // One that stands there alone may be either; taking it for the last one is always safe, since
    // it is waited for until nothing that it has signed is valid.
    return names_both ? Phase::published : Phase::switched;
}

std::string second_of(const KeyPair& keys) {
    const auto other = std::ranges::find_if(keys.others, [&](const std::string& kid) {
        return kid != keys.signing;
    });
    return other == keys.others.end() ? std::string() : *other;
}

}  // namespace cli::keys
