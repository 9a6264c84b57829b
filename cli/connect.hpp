#pragma once

#include <memory>

#include "net/net.hpp"
#include "postgres/pool.hpp"

namespace cli {

/// A connection to a database that may still be starting; tries until the deadline. Wrong
/// credentials or a database that doesn't exist fail at once. Throws Failure.
net::awaitable<std::shared_ptr<postgres::Connection>> connect_patiently(
    postgres::Pool& pool, net::Deadline deadline
);

}  // namespace cli
