#include "order/domain/serving_time.hpp"

namespace order {

namespace {

// A moving average over about eight rounds: one stall of the disk is not yet a slow database.
constexpr std::int64_t weight = 8;

}  // namespace

void ServingTime::observe_round_us(std::int64_t took_us) {
    round_us_ = round_us_ == 0 ? took_us : round_us_ + (took_us - round_us_) / weight;
}

}  // namespace order
