#include "auth/api/token_maker.hpp"

#include "base/encoding.hpp"
#include "base/random.hpp"
#include "token/digest.hpp"

namespace auth::api {
namespace {

constexpr std::size_t refresh_token_bytes = 32;

TokenMaker::RefreshToken with_digest(std::string text) {
    const Digest digest = token::sha256(text);
    return {std::move(text), digest};
}

std::string jwks_of(
    const token::SigningKey& key, const std::optional<token::SigningKey>& other_key
) {
    if (!other_key || other_key->kid() == key.kid()) return key.jwks();
    return key.jwks({&*other_key});
}

}  // namespace

TokenMaker::TokenMaker(
    token::SigningKey key, std::optional<token::SigningKey> other_key, TokenLifetimes lifetimes
)
    : key_(std::move(key)),
      successor_secret_(key_.derive_secret("refresh-successor/1")),
      lifetimes_(lifetimes),
      jwks_(jwks_of(key_, other_key)) {}

std::string TokenMaker::access_token(const Account& account, std::int64_t now_s) const {
    token::Claims claims;
    claims.account_id = account.id;
    claims.role = account.role == Role::admin ? token::Role::admin : token::Role::customer;
    claims.issued_at_s = now_s;
    claims.expires_at_s = now_s + lifetimes_.access_s;
    return key_.sign(claims);
}

TokenMaker::RefreshToken TokenMaker::new_refresh_token() {
    std::array<std::uint8_t, refresh_token_bytes> bytes{};
    base::secure_random(bytes);
    return with_digest(base::to_base64url(bytes));
}

std::optional<TokenMaker::RefreshToken> TokenMaker::read_refresh_token(std::string_view text) {
    const auto bytes = base::from_base64url(text);
    if (!bytes || bytes->size() != refresh_token_bytes) return std::nullopt;
    return with_digest(std::string(text));
}

TokenMaker::RefreshToken TokenMaker::successor_of(const RefreshToken& token) const {
    return with_digest(base::to_base64url(token::hmac_sha256(successor_secret_, token.text)));
}

}  // namespace auth::api
