#pragma once

#include "metrics/metrics.hpp"
#include "net/net.hpp"

namespace service {

/// What every room gets from its frame. Lives as long as the process.
struct Context {
    net::Executor executor;
    metrics::Registry& metrics;
};

}  // namespace service
