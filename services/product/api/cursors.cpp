#include "product/api/cursors.hpp"

#include <algorithm>
#include <span>

#include "base/encoding.hpp"
#include "token/digest.hpp"

namespace product::api {
namespace {

// Names are folded to 64 characters (migrations/0004), of at most four bytes each.
constexpr std::size_t text_bytes_max = 256;
constexpr std::size_t signature_bytes = 16;
constexpr std::size_t number_bytes = 8;
constexpr std::size_t id_bytes = 16;
constexpr char version = 2;
constexpr std::size_t fixed_bytes = 1 + number_bytes + id_bytes + signature_bytes;
// Of base64url without padding.
constexpr std::size_t cursor_characters_max = (fixed_bytes + text_bytes_max) * 4 / 3 + 1;

void append_number(std::string& out, std::uint64_t number) {
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift);
}

std::uint64_t read_number(std::string_view bytes) {
    std::uint64_t number = 0;
    for (const char byte : bytes) number = number << 8 | static_cast<std::uint8_t>(byte);
    return number;
}

/// With its length before it, so that two texts never run into one.
void append_text(std::string& out, const std::optional<std::string>& text) {
    append_number(out, text ? text->size() + 1 : 0);
    if (text) out += *text;
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

Cursors::Cursors(std::string_view key) : key_(key.begin(), key.end()) {}

std::string Cursors::signature_of(const ProductQuery& query, std::string_view position) const {
    // The purpose comes first: the key may sign other rooms' cursors as well.
    std::string signed_text = "product list cursor ";
    signed_text += to_string(query.sort);
    signed_text += ' ';
    append_text(signed_text, query.search);
    append_text(signed_text, query.category);
    signed_text += position;
    const auto digest = token::hmac_sha256(key_, signed_text);
    return {digest.begin(), digest.begin() + signature_bytes};
}

std::string Cursors::write(const ProductQuery& query, const Position& position) const {
    std::string bytes(1, version);
    append_number(bytes, static_cast<std::uint64_t>(position.number));
    bytes.append(position.id.bytes.begin(), position.id.bytes.end());
    bytes += position.text;
    bytes += signature_of(query, bytes);
    return base::to_base64url(bytes_of(bytes));
}

std::optional<Position> Cursors::read(const ProductQuery& query, std::string_view cursor) const {
    if (cursor.size() > cursor_characters_max) return std::nullopt;
    const auto decoded = base::from_base64url(cursor);
    if (!decoded || decoded->size() < fixed_bytes || decoded->front() != version) {
        return std::nullopt;
    }
    const std::string bytes(decoded->begin(), decoded->end());
    const std::string_view signed_part(bytes.data(), bytes.size() - signature_bytes);
    const std::string_view signature = std::string_view(bytes).substr(signed_part.size());
    if (!base::secrets_equal(signature, signature_of(query, signed_part))) return std::nullopt;
    Position position;
    position.number = static_cast<std::int64_t>(read_number(signed_part.substr(1, number_bytes)));
    const std::string_view id = signed_part.substr(1 + number_bytes, id_bytes);
    std::copy(id.begin(), id.end(), position.id.bytes.begin());
    position.text = signed_part.substr(1 + number_bytes + id_bytes);
    return position;
}

}  // namespace product::api
