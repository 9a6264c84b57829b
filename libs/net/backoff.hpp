#pragma once

#include <chrono>
#include <cstdint>

#include "base/random.hpp"

namespace net {

/// Waiting times between attempts: doubling from `first` to `most`, each drawn uniformly from its
/// upper half, so that processes that failed together don't return together.
class Backoff {
  public:
    Backoff(std::chrono::milliseconds first, std::chrono::milliseconds most, std::uint64_t seed)
        : first_(first), most_(most), current_(first), jitter_(seed) {}

    std::chrono::milliseconds next();
    void reset() { current_ = first_; }

  private:
    std::chrono::milliseconds first_;
    std::chrono::milliseconds most_;
    std::chrono::milliseconds current_;
    base::Jitter jitter_;
};

}  // namespace net
