#pragma once

#include <string>
#include <vector>

#include "net/net.hpp"

namespace cli::preflight {

/// All numeric addresses of a name, each once; a numeric address is its own. Throws
/// std::runtime_error if there are none, or not in time.
net::awaitable<std::vector<std::string>> resolve(std::string host, net::Deadline deadline);

/// Whether `host` is an address and not a name.
bool is_numeric(const std::string& host);

}  // namespace cli::preflight
