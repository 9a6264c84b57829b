#pragma once

#include <algorithm>
#include <string>
#include <string_view>

// ASCII alone, whatever the locale: every other byte stays as it is.

namespace base {

constexpr char lower(char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + ('a' - 'A')) : letter;
}

inline std::string lower_case(std::string_view text) {
    std::string lowered(text);
    std::ranges::transform(lowered, lowered.begin(), lower);
    return lowered;
}

}  // namespace base
