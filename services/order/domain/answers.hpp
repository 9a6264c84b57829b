#pragma once

#include <cstdint>
#include <optional>

#include "base/uuid.hpp"
#include "order/domain/batch.hpp"

namespace order {

/// What the engine tells about one take. Nobody is ever told "failed".
struct TakeAnswer {
    enum class Kind : std::int16_t {
        decided = 0,  ///< `outcome` says how
        busy = 1,     ///< certainly not taken: queue full, too late, or no database
        unknown = 2   ///< may have been taken: the same key tells later
    };

    Kind kind = Kind::unknown;
    TakeOutcome outcome = TakeOutcome::late;
    base::Uuid order_id;              ///< of bought and known
    std::int64_t seq = 0;             ///< the sale's history up to which this answer is true
    std::optional<std::int64_t> pos;  ///< place in batch `seq`, if that batch decided it
    std::int64_t remaining = 0;       ///< units left at that moment
    std::int64_t expires_at_us = 0;   ///< of bought
    std::optional<std::int64_t> next_expiry_us;  ///< earliest moment a held unit may come back
    std::int64_t busy_for_ms = 0;                ///< of busy: nobody else is to ask before
};

struct ReturnAnswer {
    enum class Kind : std::int16_t { decided = 0, busy = 1, unknown = 2 };

    Kind kind = Kind::unknown;
    ReturnOutcome outcome = ReturnOutcome::not_found;
};

}  // namespace order
