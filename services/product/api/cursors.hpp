#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "product/domain/catalogue.hpp"

namespace product::api {

/// Cursors as customers hold them: the position where a page ended, bound to the list it is of and
/// signed, so that nobody can make one up or use it for another list. All pods share the key. The
/// text is opaque: base64url of version, position and the first 16 bytes of HMAC-SHA256.
class Cursors {
  public:
    explicit Cursors(std::string_view key);

    std::string write(const ProductQuery& query, const Position& position) const;
    /// nullopt: not a cursor of this list (same search, category and sort; the limit may change).
    std::optional<Position> read(const ProductQuery& query, std::string_view cursor) const;

  private:
    std::string signature_of(const ProductQuery& query, std::string_view position) const;

    std::vector<std::uint8_t> key_;
};

}  // namespace product::api
