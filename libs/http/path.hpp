#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace http {

enum class PlusMeans { plus, space };

/// Nullopt if an escape is broken. Any byte may come out.
std::optional<std::string> percent_decode(std::string_view text, PlusMeans plus);

/// Decodes the path of a request target strictly, so that the gateway and the rooms can't read it
/// differently: nullopt for broken escapes, an encoded slash, control characters, backslashes, "."
/// and ".." segments and what is not UTF-8.
std::optional<std::string> decode_path(std::string_view raw_path);

}  // namespace http
