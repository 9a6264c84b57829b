#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "token/digest.hpp"

struct evp_pkey_st;
struct evp_pkey_ctx_st;

namespace token {

/// ECDSA over P-256 and SHA-256 with signatures as r||s (RFC 7518, section 3.4): the one
/// algorithm of access tokens. Keys keep a prepared OpenSSL context, so they belong to one thread.

struct Point {
    std::array<std::uint8_t, 32> x{};
    std::array<std::uint8_t, 32> y{};

    bool operator==(const Point&) const = default;
};

using Signature = std::array<std::uint8_t, 64>;

struct KeyDeleter {
    void operator()(evp_pkey_st* key) const;
    void operator()(evp_pkey_ctx_st* context) const;
};
using KeyHandle = std::unique_ptr<evp_pkey_st, KeyDeleter>;
using KeyContext = std::unique_ptr<evp_pkey_ctx_st, KeyDeleter>;

class PublicKey {
  public:
    /// nullopt if the point is not on the curve.
    static std::optional<PublicKey> from_point(const Point& point);

    bool verify(std::string_view message, std::span<const std::uint8_t> signature) const;
    const Point& point() const { return point_; }

  private:
    PublicKey(Point point, KeyContext context) : point_(point), context_(std::move(context)) {}

    Point point_;
    KeyContext context_;
};

class PrivateKey {
  public:
    /// PKCS#8 or SEC1, not encrypted; nullopt if it is anything else or of another curve.
    static std::optional<PrivateKey> from_pem(std::string_view pem);
    static std::string generate_pem();

    Signature sign(std::string_view message) const;
    const Point& point() const { return point_; }

    /// A secret only the holder of this key can compute, one per `purpose`.
    Digest derive_secret(std::string_view purpose) const;

  private:
    PrivateKey(Point point, KeyHandle key, KeyContext context)
        : point_(point), key_(std::move(key)), context_(std::move(context)) {}

    Point point_;
    KeyHandle key_;
    KeyContext context_;
};

}  // namespace token
