#pragma once

#include <algorithm>

#include "http/trace_context.hpp"
#include "net/net.hpp"

namespace order {

/// A call of a neighbour: how long its caller waits, and whose doing it is. Made of a deadline
/// alone it is work of one's own and begins a trace.
struct Call {
    // Implicit: a worker has a deadline and nothing to say about a trace.
    Call(net::Deadline until) : Call(until, http::TraceContext::make()) {}
    Call(net::Deadline until, http::TraceContext whose) : deadline(until), trace(whose) {}

    /// The same call, over at `until` if that comes first.
    Call no_longer_than(net::Deadline until) const { return {std::min(deadline, until), trace}; }

    net::Deadline deadline;
    http::TraceContext trace;
};

}  // namespace order
