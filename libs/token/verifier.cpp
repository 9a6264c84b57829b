#include <algorithm>
#include <span>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "base/encoding.hpp"
#include "json/json.hpp"
#include "token/access_token.hpp"
#include "token/p256.hpp"
#include "token/verified_tokens.hpp"

namespace token {
namespace {

constexpr std::size_t kid_bytes_max = 128;

struct Key {
    std::string kid;
    PublicKey key;
};
using Keys = std::vector<std::unique_ptr<Key>>;

std::optional<std::string_view> text_member(const json::Object& object, std::string_view name) {
    const json::Value* value = object.if_contains(name);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return std::string_view(value->get_string().data(), value->get_string().size());
}

std::optional<std::int64_t> integer_member(const json::Object& object, std::string_view name) {
    const json::Value* value = object.if_contains(name);
    if (value == nullptr || !value->is_int64()) return std::nullopt;
    return value->get_int64();
}

bool is_absent_or(const json::Object& object, std::string_view name, std::string_view text) {
    return !object.contains(name) || text_member(object, name) == text;
}

bool read_coordinate(
    const json::Object& object, std::string_view name, std::array<std::uint8_t, 32>& coordinate
) {
    const auto text = text_member(object, name);
    if (!text) return false;
    const auto bytes = base::from_base64url(*text);
    if (!bytes || bytes->size() != coordinate.size()) return false;
    std::ranges::copy(*bytes, coordinate.begin());
    return true;
}

// nullptr for a key of another kind, which other users of the same document may need.
std::unique_ptr<Key> read_key(const json::Value& value) {
    const json::Object* object = value.if_object();
    if (object == nullptr) return nullptr;
    if (text_member(*object, "kty") != "EC" || text_member(*object, "crv") != "P-256") {
        return nullptr;
    }
    if (!is_absent_or(*object, "alg", "ES256") || !is_absent_or(*object, "use", "sig")) {
        return nullptr;
    }
    const auto kid = text_member(*object, "kid");
    if (!kid || kid->empty() || kid->size() > kid_bytes_max) return nullptr;
    Point point;
    if (!read_coordinate(*object, "x", point.x) || !read_coordinate(*object, "y", point.y)) {
        return nullptr;
    }
    auto key = PublicKey::from_point(point);
    if (!key) return nullptr;
    return std::make_unique<Key>(Key{std::string(*kid), std::move(*key)});
}

std::expected<Keys, std::string> read_keys(std::string_view jwks, std::size_t keys_max) {
    const auto document = json::parse(jwks);
    if (!document) return std::unexpected("not JSON: " + document.error().message);
    const json::Object* object = document->if_object();
    const json::Value* list = object == nullptr ? nullptr : object->if_contains("keys");
    if (list == nullptr || !list->is_array()) return std::unexpected("no array \"keys\"");
    Keys keys;
    for (const json::Value& value : list->get_array()) {
        auto key = read_key(value);
        if (!key) continue;
        const bool is_known =
            std::ranges::any_of(keys, [&](const auto& other) { return other->kid == key->kid; });
        if (is_known) return std::unexpected("two keys with one kid");
        if (keys.size() == keys_max) return std::unexpected("too many keys");
        keys.push_back(std::move(key));
    }
    if (keys.empty()) return std::unexpected("no usable ES256 key");
    return keys;
}

std::optional<json::Object> decode_object(std::string_view segment) {
    const auto bytes = base::from_base64url(segment);
    if (!bytes) return std::nullopt;
    auto value = json::parse({reinterpret_cast<const char*>(bytes->data()), bytes->size()});
    if (!value || !value->is_object()) return std::nullopt;
    return std::move(value->get_object());
}

struct Segments {
    std::string_view header;
    std::string_view payload;
    std::string_view signature;
    std::string_view signing_input;
};

std::optional<Segments> split(std::string_view token) {
    const std::size_t first = token.find('.');
    if (first == std::string_view::npos) return std::nullopt;
    const std::size_t second = token.find('.', first + 1);
    if (second == std::string_view::npos) return std::nullopt;
    if (token.find('.', second + 1) != std::string_view::npos) return std::nullopt;
    return Segments{
        token.substr(0, first),
        token.substr(first + 1, second - first - 1),
        token.substr(second + 1),
        token.substr(0, second)
    };
}

// The header chooses among our keys, never the algorithm.
std::expected<std::string, Refusal> read_header(std::string_view segment) {
    const auto header = decode_object(segment);
    if (!header) return std::unexpected(Refusal::malformed);
    if (text_member(*header, "alg") != "ES256") return std::unexpected(Refusal::algorithm_refused);
    if (text_member(*header, "typ") != "at+jwt") {
        return std::unexpected(Refusal::not_an_access_token);
    }
    // RFC 7515, section 4.1.11: extensions that we don't understand must be refused.
    if (header->contains("crit")) return std::unexpected(Refusal::malformed);
    const auto kid = text_member(*header, "kid");
    if (!kid || kid->empty() || kid->size() > kid_bytes_max) {
        return std::unexpected(Refusal::malformed);
    }
    return std::string(*kid);
}

std::expected<Claims, Refusal> check_times(const Claims& claims, std::int64_t now_s) {
    if (now_s + clock_leeway_s < claims.issued_at_s) return std::unexpected(Refusal::not_yet_valid);
    if (now_s >= claims.expires_at_s + clock_leeway_s) return std::unexpected(Refusal::expired);
    return claims;
}

std::expected<Claims, Refusal> read_claims(std::string_view segment, std::int64_t now_s) {
    const auto payload = decode_object(segment);
    if (!payload) return std::unexpected(Refusal::malformed);
    if (text_member(*payload, "iss") != issuer) return std::unexpected(Refusal::issuer_wrong);
    if (text_member(*payload, "aud") != audience) return std::unexpected(Refusal::audience_wrong);
    const auto subject = text_member(*payload, "sub");
    const auto account_id = base::Uuid::parse(subject.value_or(""));
    const auto role = parse_role(text_member(*payload, "role").value_or(""));
    const auto issued_at_s = integer_member(*payload, "iat");
    const auto valid_from_s = integer_member(*payload, "nbf");
    const auto expires_at_s = integer_member(*payload, "exp");
    const auto id = text_member(*payload, "jti");
    if (!account_id || !role || !issued_at_s || !valid_from_s || !expires_at_s || !id) {
        return std::unexpected(Refusal::malformed);
    }
    // Bounds first: the differences below must not overflow.
    constexpr std::int64_t time_s_max = std::int64_t{1} << 40;
    for (const std::int64_t time_s : {*issued_at_s, *valid_from_s, *expires_at_s}) {
        if (time_s < 0 || time_s > time_s_max) return std::unexpected(Refusal::malformed);
    }
    const std::int64_t lifetime_s = *expires_at_s - *issued_at_s;
    if (lifetime_s <= 0 || lifetime_s > lifetime_s_max) return std::unexpected(Refusal::malformed);
    if (now_s + clock_leeway_s < *valid_from_s) return std::unexpected(Refusal::not_yet_valid);
    return check_times({*account_id, *role, *issued_at_s, *expires_at_s}, now_s);
}

}  // namespace

/// A token with nothing against it but perhaps its signature.
struct Candidate {
    Claims claims;
    const Key* key;
    std::string_view signing_input;
    std::vector<std::uint8_t> signature;
};

struct Verifier::Impl {
    explicit Impl(VerifierLimits limits_given)
        : limits(limits_given), verified(limits_given.cached_tokens_max) {}

    const Key* find_key(std::string_view kid) const {
        const auto found =
            std::ranges::find_if(keys, [&](const auto& key) { return key->kid == kid; });
        return found == keys.end() ? nullptr : found->get();
    }

    /// nullopt for a token that was never verified.
    std::optional<std::expected<Claims, Refusal>> find(const Digest& digest, std::int64_t now_s) {
        const Claims* known = verified.find(digest);
        if (known == nullptr) return std::nullopt;
        auto claims = check_times(*known, now_s);
        if (!claims && claims.error() == Refusal::expired) verified.drop(digest);
        return claims;
    }

    /// All that is to be checked but the signature. The claims come before the key: whose token
    /// ran out is to refresh it, also where its key is gone by then.
    std::expected<Candidate, Refusal> read(std::string_view token, std::int64_t now_s) const {
        const auto segments = split(token);
        if (!segments) return std::unexpected(Refusal::malformed);
        const auto kid = read_header(segments->header);
        if (!kid) return std::unexpected(kid.error());
        auto signature = base::from_base64url(segments->signature);
        if (!signature || signature->size() != Signature().size()) {
            return std::unexpected(Refusal::malformed);
        }
        const auto claims = read_claims(segments->payload, now_s);
        if (!claims) return std::unexpected(claims.error());
        const Key* key = find_key(*kid);
        if (key == nullptr) return std::unexpected(Refusal::key_unknown);
        return Candidate{*claims, key, segments->signing_input, std::move(*signature)};
    }

    VerifierLimits limits;
    Keys keys;
    VerifiedTokens verified;
};

Verifier::Verifier(VerifierLimits limits) : impl_(std::make_unique<Impl>(limits)) {}
Verifier::~Verifier() = default;

std::expected<std::size_t, std::string> Verifier::set_keys(std::string_view jwks) {
    auto keys = read_keys(jwks, impl_->limits.keys_max);
    if (!keys) return std::unexpected(keys.error());
    // A key that stays keeps its object, and with it the tokens it verified.
    for (auto& key : *keys) {
        for (auto& old : impl_->keys) {
            if (old && old->kid == key->kid && old->key.point() == key->key.point()) {
                key = std::move(old);
                break;
            }
        }
    }
    impl_->keys = std::move(*keys);
    impl_->verified.keep_only([&](VerifiedTokens::Key verified_by) {
        return std::ranges::any_of(impl_->keys, [&](const auto& key) {
            return key.get() == verified_by;
        });
    });
    return impl_->keys.size();
}

bool Verifier::has_keys() const {
    return !impl_->keys.empty();
}

std::expected<Claims, Refusal> Verifier::verify(std::string_view token, std::int64_t now_s) {
    if (token.size() > token_bytes_max) return std::unexpected(Refusal::malformed);
    const Digest digest = sha256(token);
    if (const auto known = impl_->find(digest, now_s)) return *known;
    const auto candidate = impl_->read(token, now_s);
    if (!candidate) return std::unexpected(candidate.error());
    const Key* key = candidate->key;
    if (!key->key.verify(candidate->signing_input, candidate->signature)) {
        return std::unexpected(Refusal::signature_wrong);
    }
    impl_->verified.add(digest, candidate->claims, key, now_s);
    return candidate->claims;
}

std::expected<std::optional<Claims>, Refusal> Verifier::look(
    std::string_view token, std::int64_t now_s
) {
    if (token.size() > token_bytes_max) return std::unexpected(Refusal::malformed);
    if (const auto known = impl_->find(sha256(token), now_s)) return *known;
    const auto candidate = impl_->read(token, now_s);
    if (!candidate) return std::unexpected(candidate.error());
    return std::nullopt;
}

std::size_t Verifier::cached_tokens() const {
    return impl_->verified.size();
}

}  // namespace token
