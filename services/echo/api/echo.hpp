#pragma once

#include "http/message.hpp"

namespace echo {

/// Answers with the request as it arrived, as JSON. Credentials are reduced to their scheme.
net::awaitable<http::Response> mirror(http::Request& request, bool show_headers);

}  // namespace echo
