#pragma once

#include <optional>
#include <string>

#include "cli/preflight/clock_skew.hpp"
#include "http/client.hpp"
#include "net/net.hpp"

namespace cli::preflight {

/// The gateway's clock by the Date of its answers, which libs/http's client drops as framing. A
/// Date has whole seconds; several exchanges spread over more than one tell when a second begins,
/// and so the offset to some tens of milliseconds. Throws std::runtime_error without an answer.
net::awaitable<ClockOffset> read_gateway_clock(http::Origin origin, net::Deadline deadline);

}  // namespace cli::preflight
