#pragma once

#include <cstdint>
#include <string>

#include "net/net.hpp"
#include "postgres/pool.hpp"

namespace postgres {

/// Sessions that may stand in the way of a step of `schema` that waited so long: those whose
/// transaction is at least as old and holds locks of the schema's tables, or, for an index that is
/// built concurrently, that see the database as it was before. For people; empty if there is none
/// any more. Never tells what they run, as that may hold customers' data.
net::awaitable<std::string> lock_holders(
    Connection& connection,
    std::string schema,
    bool for_concurrent_index,
    std::int64_t waited_ms,
    net::Deadline deadline
);

}  // namespace postgres
