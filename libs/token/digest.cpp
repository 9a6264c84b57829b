#include "token/digest.hpp"

#include <memory>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/assertion.hpp"

namespace token {
namespace {

// OpenSSL 3 looks an algorithm up by name on each EVP_sha256() use, which costs more than hashing
// a token does; a fetched one and a kept context skip that.
class Sha256 {
  public:
    Sha256()
        : algorithm_(EVP_MD_fetch(nullptr, "SHA256", nullptr), &EVP_MD_free),
          context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
        DOORBUSTER_ASSERT(algorithm_ && context_);
    }

    Digest operator()(std::string_view bytes) {
        Digest digest;
        const bool done = EVP_DigestInit_ex2(context_.get(), algorithm_.get(), nullptr) == 1 &&
                          EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1 &&
                          EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1;
        DOORBUSTER_ASSERT(done);
        return digest;
    }

  private:
    std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> algorithm_;
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

Digest sha256(std::string_view bytes) {
    thread_local Sha256 hash;
    return hash(bytes);
}

Digest hmac_sha256(std::span<const std::uint8_t> key, std::string_view bytes) {
    Digest digest;
    unsigned length = 0;
    const auto* result = HMAC(
        EVP_sha256(),
        key.data(),
        static_cast<int>(key.size()),
        reinterpret_cast<const unsigned char*>(bytes.data()),
        bytes.size(),
        digest.data(),
        &length
    );
    DOORBUSTER_ASSERT(result != nullptr && length == digest.size());
    return digest;
}

}  // namespace token
