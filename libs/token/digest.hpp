#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace token {

using Digest = std::array<std::uint8_t, 32>;

/// Allocates nothing after a thread's first call: it is on the path of every request.
Digest sha256(std::string_view bytes);

Digest hmac_sha256(std::span<const std::uint8_t> key, std::string_view bytes);

}  // namespace token
