#pragma once

#include <cstddef>
#include <string_view>

namespace product {

/// Well-formed UTF-8 without control characters; `lines` allows line breaks and tabs. What passes
/// can be stored and shown as it is.
bool is_plain_text(std::string_view text, bool lines = false);

/// Characters, not bytes, of well-formed UTF-8.
std::size_t characters_in(std::string_view text);

/// What an Idempotency-Key may be: 1 to 128 visible ASCII characters.
bool is_key(std::string_view text);

/// Three capital letters (ISO 4217).
bool is_currency(std::string_view text);

}  // namespace product
