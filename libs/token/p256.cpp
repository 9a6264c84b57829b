#include "token/p256.hpp"

#include <algorithm>
#include <cstring>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include "base/assertion.hpp"

namespace token {
namespace {

constexpr std::string_view group_name = "prime256v1";
constexpr std::size_t der_signature_bytes_max = 80;

struct Deleter {
    void operator()(BIO* bio) const { BIO_free_all(bio); }
    void operator()(BIGNUM* number) const { BN_clear_free(number); }
    void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};
template <class T>
using Handle = std::unique_ptr<T, Deleter>;

Handle<BIGNUM> number_of(const evp_pkey_st* key, const char* parameter) {
    BIGNUM* number = nullptr;
    if (EVP_PKEY_get_bn_param(key, parameter, &number) != 1) return nullptr;
    return Handle<BIGNUM>(number);
}

std::optional<Point> point_of(const evp_pkey_st* key) {
    const auto x = number_of(key, OSSL_PKEY_PARAM_EC_PUB_X);
    const auto y = number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y);
    Point point;
    if (!x || BN_bn2binpad(x.get(), point.x.data(), 32) != 32) return std::nullopt;
    if (!y || BN_bn2binpad(y.get(), point.y.data(), 32) != 32) return std::nullopt;
    return point;
}

bool is_p256(const evp_pkey_st* key) {
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) return false;
    char name[64] = {};
    std::size_t length = 0;
    if (EVP_PKEY_get_group_name(key, name, sizeof name, &length) != 1) return false;
    return std::string_view(name, length) == group_name;
}

KeyContext context_of(evp_pkey_st* key) {
    return KeyContext(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
}

// An encrypted key must not make the process ask for a passphrase on its terminal.
int no_passphrase(char*, int, int, void*) {
    return -1;
}

}  // namespace

void KeyDeleter::operator()(evp_pkey_st* key) const {
    EVP_PKEY_free(key);
}
void KeyDeleter::operator()(evp_pkey_ctx_st* context) const {
    EVP_PKEY_CTX_free(context);
}

std::optional<PublicKey> PublicKey::from_point(const Point& point) {
    std::array<std::uint8_t, 65> encoded{};
    encoded[0] = POINT_CONVERSION_UNCOMPRESSED;
    std::ranges::copy(point.x, encoded.begin() + 1);
    std::ranges::copy(point.y, encoded.begin() + 33);
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(
            OSSL_PKEY_PARAM_GROUP_NAME, const_cast<char*>(group_name.data()), 0
        ),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, encoded.data(), encoded.size()),
        OSSL_PARAM_construct_end()
    };
    const KeyContext maker(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
    evp_pkey_st* made = nullptr;
    const bool read =
        maker && EVP_PKEY_fromdata_init(maker.get()) == 1 &&
        EVP_PKEY_fromdata(
            maker.get(), &made, EVP_PKEY_PUBLIC_KEY, const_cast<OSSL_PARAM*>(parameters)
        ) == 1;
    const KeyHandle key(made);
    if (!read || !key) {
        ERR_clear_error();
        return std::nullopt;
    }
    KeyContext context = context_of(key.get());
    const bool usable = context && EVP_PKEY_public_check(context.get()) == 1 &&
                        EVP_PKEY_verify_init(context.get()) == 1 &&
                        EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) == 1;
    if (!usable) {
        ERR_clear_error();
        return std::nullopt;
    }
    return PublicKey(point, std::move(context));
}

bool PublicKey::verify(std::string_view message, std::span<const std::uint8_t> signature) const {
    if (signature.size() != 64) return false;
    Handle<BIGNUM> r(BN_bin2bn(signature.data(), 32, nullptr));
    Handle<BIGNUM> s(BN_bin2bn(signature.data() + 32, 32, nullptr));
    const Handle<ECDSA_SIG> pair(ECDSA_SIG_new());
    DOORBUSTER_ASSERT(r && s && pair);
    ECDSA_SIG_set0(pair.get(), r.release(), s.release());

    std::array<std::uint8_t, der_signature_bytes_max> der{};
    auto* end = der.data();
    const int length = i2d_ECDSA_SIG(pair.get(), &end);
    DOORBUSTER_ASSERT(length > 0 && static_cast<std::size_t>(length) <= der.size());

    const Digest digest = sha256(message);
    const int verdict = EVP_PKEY_verify(
        context_.get(), der.data(), static_cast<std::size_t>(length), digest.data(), digest.size()
    );
    // A wrong signature leaves errors in the thread's queue, which others would read as theirs.
    if (verdict != 1) ERR_clear_error();
    return verdict == 1;
}

std::optional<PrivateKey> PrivateKey::from_pem(std::string_view pem) {
    const Handle<BIO> source(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    DOORBUSTER_ASSERT(source);
    KeyHandle key(PEM_read_bio_PrivateKey(source.get(), nullptr, &no_passphrase, nullptr));
    ERR_clear_error();
    if (!key || !is_p256(key.get())) return std::nullopt;
    const auto point = point_of(key.get());
    if (!point) return std::nullopt;
    KeyContext context = context_of(key.get());
    const bool usable = context && EVP_PKEY_pairwise_check(context.get()) == 1 &&
                        EVP_PKEY_sign_init(context.get()) == 1 &&
                        EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) == 1;
    ERR_clear_error();
    if (!usable) return std::nullopt;
    return PrivateKey(*point, std::move(key), std::move(context));
}

std::string PrivateKey::generate_pem() {
    const KeyHandle key(EVP_EC_gen(group_name.data()));
    const Handle<BIO> target(BIO_new(BIO_s_mem()));
    DOORBUSTER_ASSERT(key && target);
    const int written = PEM_write_bio_PKCS8PrivateKey(
        target.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr
    );
    DOORBUSTER_ASSERT(written == 1);
    char* text = nullptr;
    const long length = BIO_get_mem_data(target.get(), &text);
    return std::string(text, static_cast<std::size_t>(length));
}

Signature PrivateKey::sign(std::string_view message) const {
    const Digest digest = sha256(message);
    std::array<std::uint8_t, der_signature_bytes_max> der{};
    std::size_t length = der.size();
    const int signed_ok =
        EVP_PKEY_sign(context_.get(), der.data(), &length, digest.data(), digest.size());
    DOORBUSTER_ASSERT(signed_ok == 1);
    const auto* begin = der.data();
    const Handle<ECDSA_SIG> pair(d2i_ECDSA_SIG(nullptr, &begin, static_cast<long>(length)));
    DOORBUSTER_ASSERT(pair);
    Signature signature{};
    const int r_bytes = BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), signature.data(), 32);
    const int s_bytes = BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), signature.data() + 32, 32);
    DOORBUSTER_ASSERT(r_bytes == 32 && s_bytes == 32);
    return signature;
}

Digest PrivateKey::derive_secret(std::string_view purpose) const {
    const auto scalar = number_of(key_.get(), OSSL_PKEY_PARAM_PRIV_KEY);
    std::array<std::uint8_t, 32> bytes{};
    const bool read = scalar && BN_bn2binpad(scalar.get(), bytes.data(), 32) == 32;
    DOORBUSTER_ASSERT(read);
    const Digest secret = hmac_sha256(bytes, "doorbuster/" + std::string(purpose));
    OPENSSL_cleanse(bytes.data(), bytes.size());
    return secret;
}

}  // namespace token
