#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.hpp"
#include "token/digest.hpp"

namespace token {

enum class Role { customer, admin };
std::string_view to_string(Role role);
std::optional<Role> parse_role(std::string_view text);

/// Who is asking. Access tokens only: `typ` at+jwt (RFC 9068), ES256, at most 10 minutes.
struct Claims {
    base::Uuid account_id;
    Role role = Role::customer;
    std::int64_t issued_at_s = 0;
    std::int64_t expires_at_s = 0;
};

enum class Refusal {
    malformed,
    algorithm_refused,
    key_unknown,
    signature_wrong,
    issuer_wrong,
    audience_wrong,
    not_an_access_token,
    not_yet_valid,
    expired
};
std::string_view to_string(Refusal refusal);

inline constexpr std::string_view issuer = "doorbuster-auth";
inline constexpr std::string_view audience = "doorbuster";
inline constexpr std::int64_t lifetime_s_max = 600;
inline constexpr std::int64_t clock_leeway_s = 5;
inline constexpr std::size_t token_bytes_max = 2048;

/// A P-256 key pair that signs. Read from PEM (PKCS#8 or SEC1).
class SigningKey {
  public:
    /// Throws std::runtime_error with how to make one if the text is not a P-256 private key.
    static SigningKey from_pem(std::string_view pem);
    /// Every private key of a text that may hold several. Throws the same.
    static std::vector<SigningKey> all_from_pem(std::string_view pem);
    /// A new key pair, as PEM (PKCS#8).
    static std::string generate_pem();

    /// Derived from the public key: its RFC 7638 thumbprint, so that it can't be misconfigured.
    const std::string& kid() const;
    std::string sign(const Claims& claims) const;
    /// A JWKS document with this key's public half and those of `others`.
    std::string jwks(const std::vector<const SigningKey*>& others = {}) const;
    /// A secret that only the holder of this key can compute, one per `purpose`.
    Digest derive_secret(std::string_view purpose) const;

    SigningKey(SigningKey&&) noexcept;
    SigningKey& operator=(SigningKey&&) noexcept;
    ~SigningKey();

  private:
    struct Impl;
    explicit SigningKey(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

struct VerifierLimits {
    std::size_t cached_tokens_max = 200000;
    std::size_t keys_max = 16;
};

/// Checks access tokens against a set of public keys. A token's signature is checked once: its
/// claims are then cached under the SHA-256 of the whole token until it expires; tokens of a `kid`
/// that leaves the key set are dropped with it. Owned by one loop.
class Verifier {
  public:
    explicit Verifier(VerifierLimits limits);
    ~Verifier();
    Verifier(const Verifier&) = delete;
    Verifier& operator=(const Verifier&) = delete;

    /// Replaces the key set by a JWKS document; keys of other types or curves are ignored.
    /// Returns how many keys are in use; on a document that is unreadable or has no usable key the
    /// old set stays and the error says why.
    std::expected<std::size_t, std::string> set_keys(std::string_view jwks);
    bool has_keys() const;

    /// `now_s`: Unix seconds. For a token that was verified before, this costs one SHA-256 and one
    /// look-up, and allocates nothing. The signature is checked last, so that only a token with
    /// nothing else against it costs one.
    std::expected<Claims, Refusal> verify(std::string_view token, std::int64_t now_s);

    /// As verify(), but never checks a signature: nullopt where all depends on it. A refusal is
    /// final; what it says of the token is what the token says of itself.
    std::expected<std::optional<Claims>, Refusal> look(std::string_view token, std::int64_t now_s);

    std::size_t cached_tokens() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace token
