#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace token {

using Digest = std::array<std::uint8_t, 32>;

Digest sha256(std::string_view bytes);

}  // namespace token
