#pragma once

#include <cstdint>
#include <string>

#include "net/net.hpp"
#include "postgres/pool.hpp"

namespace postgres {

/// Who may stand in the way of a step, at one moment.
struct LockHolders {
    std::string text;             ///< some of them, for people; never what they run, as that may
                                  ///< hold customers' data. Empty if there is none any more
    bool has_autovacuum = false;  ///< which leaves by itself for who waits long enough
    bool has_others = false;      ///< sessions that go on until they end
};

/// Those whose transaction is at least as old as the wait of a step of `schema` and holds locks of
/// the schema's tables, or, for an index that is built concurrently, that see the database as it
/// was before.
net::awaitable<LockHolders> lock_holders(
    Connection& connection,
    std::string schema,
    bool for_concurrent_index,
    std::int64_t waited_ms,
    net::Deadline deadline
);

}  // namespace postgres
