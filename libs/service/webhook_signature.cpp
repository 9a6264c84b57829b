#include "service/webhook_signature.hpp"

#include <charconv>
#include <optional>
#include <span>

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "token/digest.hpp"

namespace service {
namespace {

struct Signature {
    std::int64_t time_s = 0;
    std::string_view digest;  ///< in hex
};

token::Digest digest_of(std::string_view secret, std::int64_t time_s, std::string_view body) {
    const std::span key(reinterpret_cast<const std::uint8_t*>(secret.data()), secret.size());
    return token::hmac_sha256(key, fmt::format("{}.{}", time_s, body));
}

/// "t=<digits>,v1=<hex>" and nothing else.
std::optional<Signature> parse(std::string_view text) {
    constexpr std::string_view time_mark = "t=";
    constexpr std::string_view digest_mark = ",v1=";
    if (!text.starts_with(time_mark)) return std::nullopt;
    text.remove_prefix(time_mark.size());
    Signature signature;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, signature.time_s);
    if (error != std::errc() || signature.time_s < 0) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(stopped - text.data()));
    if (!text.starts_with(digest_mark)) return std::nullopt;
    signature.digest = text.substr(digest_mark.size());
    return signature;
}

http::Problem refused(std::string code, std::string detail) {
    http::Problem problem;
    problem.status = 401;
    problem.code = std::move(code);
    problem.detail = std::move(detail);
    problem.field = fmt::format("header {}", webhook_signature_header);
    return problem;
}

}  // namespace

std::string sign_webhook(std::string_view secret, std::int64_t now_s, std::string_view body) {
    return fmt::format("t={},v1={}", now_s, base::to_hex(digest_of(secret, now_s, body)));
}

std::expected<void, http::Problem> check_webhook(
    const http::Request& request, std::string_view secret, std::int64_t now_s
) {
    const auto header = request.headers.get(webhook_signature_header);
    const bool is_once = request.headers.count(webhook_signature_header) == 1;
    const auto signature = is_once ? parse(*header) : std::nullopt;
    const std::int64_t time_s = signature ? signature->time_s : 0;
    const std::string expected = base::to_hex(digest_of(secret, time_s, request.body));
    if (!signature || !base::secrets_equal(signature->digest, expected)) {
        return std::unexpected(
            refused("signature_invalid", "Sign the body: t=<unix seconds>,v1=<hex of the HMAC>.")
        );
    }
    // Only of a genuine one: nobody else learns what time it is here.
    const std::int64_t age_s = now_s - time_s;
    if (age_s > webhook_tolerance_s || age_s < -webhook_tolerance_s) {
        return std::unexpected(refused(
            "signature_expired",
            fmt::format("Signed more than {} s from now; sign it again.", webhook_tolerance_s)
        ));
    }
    return {};
}

}  // namespace service
