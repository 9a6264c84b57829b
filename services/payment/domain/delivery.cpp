#include "payment/domain/delivery.hpp"

#include <algorithm>

namespace payment {
namespace {

bool is_final(const Answer& answer) {
    const int status = answer.status;
    if (status == 404) return answer.code == "attempt_unknown";
    return status == 400 || status == 410 || status == 413 || status == 422;
}

}  // namespace

Verdict judge(const Answer& answer, int attempts, const RetryLimits& limits, std::uint64_t random) {
    if (answer.status >= 200 && answer.status < 300) return {Verdict::Kind::taken, 0};
    if (is_final(answer) || attempts >= limits.attempts_max) return {Verdict::Kind::given_up, 0};
    std::int64_t wait_ms = limits.first_ms;
    for (int done = 1; done < attempts && wait_ms < limits.most_ms; ++done) wait_ms *= 2;
    wait_ms = std::max<std::int64_t>(std::min(wait_ms, limits.most_ms), 1);
    const std::int64_t half = wait_ms / 2;
    const auto spread = static_cast<std::uint64_t>(wait_ms - half + 1);
    return {Verdict::Kind::again, half + static_cast<std::int64_t>(random % spread)};
}

}  // namespace payment
