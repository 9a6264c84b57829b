#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

#include "base/assertion.hpp"
#include "base/encoding.hpp"
#include "base/random.hpp"
#include "token/access_token.hpp"
#include "token/p256.hpp"

namespace token {
namespace {

std::string base64url_of(std::string_view text) {
    return base::to_base64url({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

// RFC 7638: the required members only, in lexicographic order, without blanks.
std::string thumbprint(const Point& point) {
    const Digest digest = sha256(fmt::format(
        R"({{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}})",
        base::to_base64url(point.x),
        base::to_base64url(point.y)
    ));
    return base::to_base64url(digest);
}

}  // namespace

struct SigningKey::Impl {
    PrivateKey key;
    std::string kid;
    std::string encoded_header;

    explicit Impl(PrivateKey private_key)
        : key(std::move(private_key)),
          kid(thumbprint(key.point())),
          encoded_header(
              base64url_of(fmt::format(R"({{"alg":"ES256","typ":"at+jwt","kid":"{}"}})", kid))
          ) {}

    std::string jwk() const {
        return fmt::format(
            R"({{"kty":"EC","crv":"P-256","x":"{}","y":"{}",)"
            R"("kid":"{}","alg":"ES256","use":"sig"}})",
            base::to_base64url(key.point().x),
            base::to_base64url(key.point().y),
            kid
        );
    }
};

SigningKey::SigningKey(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey& SigningKey::operator=(SigningKey&&) noexcept = default;
SigningKey::~SigningKey() = default;

SigningKey SigningKey::from_pem(std::string_view pem) {
    auto key = PrivateKey::from_pem(pem);
    if (!key) {
        throw std::runtime_error(
            "not an unencrypted P-256 private key in PEM; make one with: "
            "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out jwt-key.pem"
        );
    }
    return SigningKey(std::make_unique<Impl>(std::move(*key)));
}

std::vector<SigningKey> SigningKey::all_from_pem(std::string_view pem) {
    constexpr std::string_view begin = "-----BEGIN ";
    std::vector<SigningKey> keys;
    std::size_t next = std::min(pem.find(begin), pem.size());
    do {
        pem.remove_prefix(next);
        next = pem.find(begin, std::min(begin.size(), pem.size()));
        keys.push_back(from_pem(pem.substr(0, next)));
    } while (next != std::string_view::npos);
    return keys;
}

std::string SigningKey::generate_pem() {
    return PrivateKey::generate_pem();
}

const std::string& SigningKey::kid() const {
    return impl_->kid;
}

std::string SigningKey::sign(const Claims& claims) const {
    const std::int64_t lifetime_s = claims.expires_at_s - claims.issued_at_s;
    DOORBUSTER_ASSERT(lifetime_s > 0 && lifetime_s <= lifetime_s_max);
    std::array<std::uint8_t, 16> id{};
    base::secure_random(id);
    const std::string payload = fmt::format(
        R"({{"iss":"{}","aud":"{}","sub":"{}","role":"{}","iat":{},"nbf":{},"exp":{},"jti":"{}"}})",
        issuer,
        audience,
        claims.account_id.to_string(),
        to_string(claims.role),
        claims.issued_at_s,
        claims.issued_at_s,
        claims.expires_at_s,
        base::to_base64url(id)
    );
    std::string text = impl_->encoded_header + '.' + base64url_of(payload);
    const Signature signature = impl_->key.sign(text);
    text += '.';
    text += base::to_base64url(signature);
    return text;
}

std::string SigningKey::jwks(const std::vector<const SigningKey*>& others) const {
    std::string text = R"({"keys":[)" + impl_->jwk();
    for (const SigningKey* other : others) text += ',' + other->impl_->jwk();
    return text + "]}";
}

Digest SigningKey::derive_secret(std::string_view purpose) const {
    return impl_->key.derive_secret(purpose);
}

}  // namespace token
