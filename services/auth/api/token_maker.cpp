#include "auth/api/token_maker.hpp"

#include <algorithm>
#include <array>

#include "base/assertion.hpp"
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

}  // namespace

TokenMaker::TokenMaker(std::vector<token::SigningKey> keys, TokenLifetimes lifetimes)
    : lifetimes_(lifetimes) {
    use(std::move(keys));
}

bool TokenMaker::use(std::vector<token::SigningKey> keys) {
    std::vector<Key> fresh;
    for (auto& key : keys) {
        const bool is_known = std::ranges::any_of(fresh, [&](const Key& other) {
            return other.key.kid() == key.kid();
        });
        if (is_known) continue;
        const auto successor_secret = key.derive_secret("refresh-successor/1");
        fresh.push_back({std::move(key), successor_secret});
    }
    DOORBUSTER_ASSERT(!fresh.empty());
    std::vector<const token::SigningKey*> others;
    for (std::size_t index = 1; index < fresh.size(); ++index) others.push_back(&fresh[index].key);
    std::string jwks = fresh.front().key.jwks(others);
    if (jwks == jwks_) return false;
    keys_ = std::move(fresh);
    jwks_ = std::move(jwks);
    return true;
}

std::string TokenMaker::access_token(const Account& account, std::int64_t now_s) const {
    token::Claims claims;
    claims.account_id = account.id;
    claims.role = account.role == Role::admin ? token::Role::admin : token::Role::customer;
    claims.issued_at_s = now_s;
    claims.expires_at_s = now_s + lifetimes_.access_s;
    return keys_.front().key.sign(claims);
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

std::vector<TokenMaker::RefreshToken> TokenMaker::successors_of(const RefreshToken& token) const {
    std::vector<RefreshToken> successors;
    for (const Key& key : keys_) {
        const auto code = token::hmac_sha256(key.successor_secret, token.text);
        successors.push_back(with_digest(base::to_base64url(code)));
    }
    return successors;
}

}  // namespace auth::api
