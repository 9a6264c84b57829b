#pragma once

#include "base/uuid.hpp"

namespace order {

/// A request's Idempotency-Key as it is stored: first 16 bytes of SHA-256 of the key, and of what
/// was asked under it.
struct RequestKey {
    base::Uuid key;
    base::Uuid fingerprint;
};

}  // namespace order
