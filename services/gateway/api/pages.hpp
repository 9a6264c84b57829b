#pragma once

#include <span>
#include <string_view>

#include "http/router.hpp"

namespace gateway {

/// One page about the API, as cmake/api_pages.py made it from the contracts.
struct Page {
    std::string_view name;  ///< "auth.openapi.yaml"; "" is the page of all operations
    std::string_view content_type;
    std::string_view tag;  ///< weak: the same for both codings
    std::string_view text;
    std::string_view gzip;  ///< the same, compressed when it was built
};

/// Made when the room is built.
std::span<const Page> pages();

/// The page's Content-Security-Policy: its own style and script, by their hashes, and nothing else.
std::string_view page_policy();

/// Of `GET /api`, for people.
http::Handler api_page();
/// Of `GET /api/{contract}`, for tools.
http::Handler contract_page();

}  // namespace gateway
