#pragma once

#include <cstdint>
#include <span>

namespace base {

/// Fills `out` from the kernel's generator (getrandom). For keys, tokens and ids.
/// Throws std::system_error if the kernel refuses.
void secure_random(std::span<std::uint8_t> out);

/// A fast seeded generator for jitter and sampling; never for secrets.
/// Algorithm: splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
class Jitter {
  public:
    explicit Jitter(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next();

    /// Uniform in [low, high]; low <= high.
    std::int64_t between(std::int64_t low, std::int64_t high);

  private:
    std::uint64_t state_;
};

}  // namespace base
