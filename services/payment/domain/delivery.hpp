#pragma once

#include <cstdint>
#include <string>

#include "base/uuid.hpp"

namespace payment {

/// A verdict on its way to order.
struct Event {
    base::Uuid id;
    std::string key;
    std::string state;  ///< charged or declined
    std::int64_t amount_cents = 0;
    std::string currency;
    std::int64_t created_at_ms = 0;
    int attempts = 0;  ///< this one included
};

struct RetryLimits {
    std::int64_t first_ms = 500;
    std::int64_t most_ms = 60'000;
    int attempts_max = 20;  ///< with the waits above about a quarter of an hour
};

/// The receiver's answer.
struct Answer {
    int status = 0;         ///< 0: none came
    std::string code = {};  ///< of its problem document, if it is one
};

/// What is to be done with an event after an attempt to deliver it.
struct Verdict {
    enum class Kind : std::int32_t { taken = 0, again = 1, given_up = 2 };

    Kind kind = Kind::again;
    std::int64_t retry_ms = 0;
};

/// A 2xx took the event; 400, 410, 413, 422 and a 404 that knows no such attempt say that this
/// event will never be taken; everything else, a refused signature included (a secret may be in the
/// middle of its change) and the 404 of a receiver that has no such route (yet), may be different
/// next time. Waits double from first_ms to most_ms, each drawn from its upper half by `random`.
Verdict judge(const Answer& answer, int attempts, const RetryLimits& limits, std::uint64_t random);

}  // namespace payment
