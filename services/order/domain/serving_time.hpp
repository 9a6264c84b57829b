#pragma once

#include <cstddef>
#include <cstdint>

namespace order {

/// How long a line takes that is served in rounds, judged by how long its last rounds took. Pure.
class ServingTime {
  public:
    /// `round_max`: so many are served at once.
    explicit ServingTime(std::size_t round_max)
        : round_max_(static_cast<std::int64_t>(round_max)) {}

    void observe_round_us(std::int64_t took_us);

    /// How long somebody waits until their own round begins, with `ahead` in the line before them.
    /// Who is in the next round never waits, whatever the last ones took: so a line that refuses by
    /// it still learns when serving is quick again.
    std::int64_t wait_us(std::size_t ahead) const {
        const auto before = static_cast<std::int64_t>(ahead);
        return before < round_max_ ? 0 : before * round_us_ / round_max_;
    }

  private:
    std::int64_t round_max_;
    std::int64_t round_us_ = 0;
};

}  // namespace order
