#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/domain/account.hpp"
#include "auth/domain/token_lifetimes.hpp"
#include "auth/store/account_store.hpp"
#include "token/access_token.hpp"

namespace auth::api {

/// Makes access tokens, and refresh tokens with what is stored of them. A refresh token is 32
/// opaque bytes; its successor is an HMAC of it under a secret of the signing key, so that a
/// repeated refresh finds the same successor although only digests are stored, and nobody can
/// compute the next token from one he saw.
class TokenMaker {
  public:
    /// The first of `keys` signs; the others are published: the next one, or the last one.
    TokenMaker(std::vector<token::SigningKey> keys, TokenLifetimes lifetimes);

    /// False if they are the keys in use already.
    bool use(std::vector<token::SigningKey> keys);
    const std::string& signing_kid() const { return keys_.front().key.kid(); }
    std::size_t keys() const { return keys_.size(); }

    const std::string& jwks() const { return jwks_; }
    const TokenLifetimes& lifetimes() const { return lifetimes_; }

    std::string access_token(const Account& account, std::int64_t now_s) const;

    struct RefreshToken {
        std::string text;
        Digest digest{};
    };
    static RefreshToken new_refresh_token();
    /// nullopt if the text can't be a refresh token.
    static std::optional<RefreshToken> read_refresh_token(std::string_view text);
    /// By each key, that of the signing one first: another pod, or this one a moment ago, may have
    /// signed with another key.
    std::vector<RefreshToken> successors_of(const RefreshToken& token) const;

  private:
    struct Key {
        token::SigningKey key;
        token::Digest successor_secret;
    };

    std::vector<Key> keys_;
    TokenLifetimes lifetimes_;
    std::string jwks_;
};

}  // namespace auth::api
