#pragma once

#include "base/uuid.hpp"
#include "payment/domain/script.hpp"
#include "payment/store/charge_batches.hpp"
#include "payment/store/charge_ledger.hpp"
#include "service/access.hpp"

namespace payment::api {

/// What the handlers work with; made and owned by App.
struct Parts {
    const service::ServiceCallers& callers;
    ChargeLedger& ledger;
    ChargeBatches& batches;
    const Timings& timings;
    base::UuidGenerator& ids;
};

}  // namespace payment::api
