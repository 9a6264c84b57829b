#include "auth/api/known_places.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "base/encoding.hpp"
#include "base/random.hpp"
#include "token/digest.hpp"

namespace auth::api {
namespace {

constexpr std::size_t nonce_bytes = 16;

std::string_view text_of(std::span<const std::uint8_t> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Digest code_of(const Digest& key, std::string_view kind, std::string_view what) {
    std::string text(kind);
    text.append("\n").append(what);
    return token::hmac_sha256(key, text);
}

}  // namespace

KnownPlaces::KnownPlaces(const std::optional<Credentials>& credentials) {
    // Never a key that somebody could compute, or his tokens would tell which addresses are
    // unknown.
    Digest secret{};
    if (credentials && credentials->place_secret) {
        secret = *credentials->place_secret;
    } else {
        base::secure_random(secret);
    }
    const base::Uuid account_id = credentials ? credentials->account.id : base::Uuid{};
    const int version = credentials ? credentials->password_version : 0;
    key_ = code_of(secret, "places/1", account_id.to_string() + ' ' + std::to_string(version));
}

std::string KnownPlaces::new_device_token() const {
    std::array<std::uint8_t, nonce_bytes> nonce{};
    base::secure_random(nonce);
    const Digest code = code_of(key_, "device", text_of(nonce));
    std::vector<std::uint8_t> bytes(nonce.begin(), nonce.end());
    bytes.insert(bytes.end(), code.begin(), code.end());
    return base::to_base64url(bytes);
}

std::optional<Digest> KnownPlaces::device_of(std::string_view text) const {
    const auto bytes = base::from_base64url(text);
    if (!bytes || bytes->size() != nonce_bytes + key_.size()) return std::nullopt;
    const std::string_view whole = text_of(*bytes);
    const Digest code = code_of(key_, "device", whole.substr(0, nonce_bytes));
    if (!base::secrets_equal(whole.substr(nonce_bytes), text_of(code))) return std::nullopt;
    return token::sha256(whole);
}

base::Uuid KnownPlaces::mark_of(std::string_view network) const {
    const Digest code = code_of(key_, "network", network);
    base::Uuid mark;
    std::ranges::copy_n(code.begin(), mark.bytes.size(), mark.bytes.begin());
    return mark;
}

}  // namespace auth::api
