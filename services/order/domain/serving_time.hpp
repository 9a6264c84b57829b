#pragma once

#include <cstddef>
#include <cstdint>

namespace order {

/// How long a line takes that is served in rounds, judged by how long its last rounds took. Pure.
class ServingTime {
  public:
    void observe_round_us(std::int64_t took_us);

    /// How long somebody waits until their own round begins, with `ahead` in the line before them
    /// and `round_max` served at once. Who is in the next round never waits, whatever the last ones
    /// took: so a line that refuses by it still learns when serving is quick again.
    std::int64_t wait_us(std::size_t ahead, std::size_t round_max) const {
        return static_cast<std::int64_t>(ahead / round_max) * round_us_;
    }

  private:
    std::int64_t round_us_ = 0;
};

}  // namespace order
