#include "token/access_token.hpp"

#include <chrono>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "token/p256.hpp"

namespace {

constexpr std::int64_t now_s = 1'790'000'000;
const std::string pem = token::SigningKey::generate_pem();

token::Claims some_claims() {
    token::Claims claims;
    claims.account_id = base::Uuid::parse("01900000-0000-7000-8000-000000000001").value();
    claims.role = token::Role::customer;
    claims.issued_at_s = now_s;
    claims.expires_at_s = now_s + 600;
    return claims;
}

std::string base64url_of(std::string_view text) {
    return base::to_base64url({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

// What a hostile or broken issuer with our key could make.
struct Forgery {
    std::string algorithm = "ES256";
    std::string type = "at+jwt";
    std::string kid;
    std::string header_rest;
    std::string issuer{token::issuer};
    std::string audience = '"' + std::string(token::audience) + '"';
    std::string subject = "01900000-0000-7000-8000-000000000001";
    std::string role = "customer";
    std::string issued_at = std::to_string(now_s);
    std::string valid_from = std::to_string(now_s);
    std::string expires_at = std::to_string(now_s + 600);
    std::string id = R"(,"jti":"x")";

    std::string signing_input() const {
        const std::string header = fmt::format(
            R"({{"alg":"{}","typ":"{}","kid":"{}"{}}})", algorithm, type, kid, header_rest
        );
        const std::string payload = fmt::format(
            R"({{"iss":"{}","aud":{},"sub":"{}","role":"{}","iat":{},"nbf":{},"exp":{}{}}})",
            issuer,
            audience,
            subject,
            role,
            issued_at,
            valid_from,
            expires_at,
            id
        );
        return base64url_of(header) + '.' + base64url_of(payload);
    }

    std::string text() const {
        const std::string input = signing_input();
        return input + '.' + base::to_base64url(token::PrivateKey::from_pem(pem)->sign(input));
    }
};

class AccessToken : public ::testing::Test {
  protected:
    AccessToken() { EXPECT_EQ(verifier_.set_keys(key_.jwks()), 1u); }

    Forgery forgery() const {
        Forgery made;
        made.kid = key_.kid();
        return made;
    }

    void expect_refused(
        const std::string& text, token::Refusal refusal, std::int64_t at_s = now_s
    ) {
        const auto claims = verifier_.verify(text, at_s);
        ASSERT_FALSE(claims) << text;
        EXPECT_EQ(to_string(claims.error()), to_string(refusal)) << text;
        EXPECT_EQ(verifier_.cached_tokens(), 0u);
    }

    token::SigningKey key_ = token::SigningKey::from_pem(pem);
    token::Verifier verifier_{token::VerifierLimits{}};
};

TEST_F(AccessToken, is_accepted_and_then_cached) {
    const std::string text = key_.sign(some_claims());
    EXPECT_LT(text.size(), 600u);
    for (int round = 0; round < 3; ++round) {
        const auto claims = verifier_.verify(text, now_s + round);
        ASSERT_TRUE(claims) << to_string(claims.error());
        EXPECT_EQ(claims->account_id, some_claims().account_id);
        EXPECT_EQ(claims->role, token::Role::customer);
        EXPECT_EQ(claims->issued_at_s, now_s);
        EXPECT_EQ(claims->expires_at_s, now_s + 600);
        EXPECT_EQ(verifier_.cached_tokens(), 1u);
    }
    auto admin = some_claims();
    admin.role = token::Role::admin;
    EXPECT_EQ(verifier_.verify(key_.sign(admin), now_s)->role, token::Role::admin);
}

TEST_F(AccessToken, made_by_hand_is_accepted) {
    EXPECT_TRUE(verifier_.verify(forgery().text(), now_s))
        << "else the refusals below prove nothing";
}

TEST_F(AccessToken, of_another_algorithm_is_refused) {
    auto none = forgery();
    none.algorithm = "none";
    expect_refused(none.signing_input() + '.', token::Refusal::algorithm_refused);
    expect_refused(none.text(), token::Refusal::algorithm_refused);

    // The classic confusion: the public key, known to all, used as an HMAC secret.
    auto hs256 = forgery();
    hs256.algorithm = "HS256";
    const std::string jwks = key_.jwks();
    const auto mac = token::hmac_sha256(
        {reinterpret_cast<const std::uint8_t*>(jwks.data()), jwks.size()}, hs256.signing_input()
    );
    expect_refused(
        hs256.signing_input() + '.' + base::to_base64url(mac), token::Refusal::algorithm_refused
    );
    for (const char* name : {"es256", "ES384", "RS256", ""}) {
        auto other = forgery();
        other.algorithm = name;
        expect_refused(other.text(), token::Refusal::algorithm_refused);
    }
}

TEST_F(AccessToken, of_another_kind_is_refused) {
    for (const char* type : {"JWT", "rt+jwt", "AT+JWT", ""}) {
        auto other = forgery();
        other.type = type;
        expect_refused(other.text(), token::Refusal::not_an_access_token);
    }
    auto critical = forgery();
    critical.header_rest = R"(,"crit":["b64"],"b64":false)";
    expect_refused(critical.text(), token::Refusal::malformed);
}

TEST_F(AccessToken, of_an_unknown_key_is_refused) {
    const auto stranger = token::SigningKey::from_pem(token::SigningKey::generate_pem());
    expect_refused(stranger.sign(some_claims()), token::Refusal::key_unknown);
    auto unnamed = forgery();
    unnamed.kid = "";
    expect_refused(unnamed.text(), token::Refusal::malformed);
    // A stranger's signature under our kid.
    const std::string input = forgery().signing_input();
    const auto other = token::PrivateKey::from_pem(token::PrivateKey::generate_pem());
    expect_refused(
        input + '.' + base::to_base64url(other->sign(input)), token::Refusal::signature_wrong
    );
}

TEST_F(AccessToken, for_others_is_refused) {
    auto issuer = forgery();
    issuer.issuer = "somebody";
    expect_refused(issuer.text(), token::Refusal::issuer_wrong);
    for (const char* audience : {R"("other")", R"(["doorbuster"])", "7"}) {
        auto other = forgery();
        other.audience = audience;
        expect_refused(other.text(), token::Refusal::audience_wrong);
    }
}

TEST_F(AccessToken, is_valid_only_in_its_time) {
    const std::string text = key_.sign(some_claims());
    constexpr auto leeway_s = token::clock_leeway_s;
    expect_refused(text, token::Refusal::not_yet_valid, now_s - leeway_s - 1);
    expect_refused(text, token::Refusal::expired, now_s + 600 + leeway_s);
    EXPECT_TRUE(verifier_.verify(text, now_s - leeway_s));
    EXPECT_TRUE(verifier_.verify(text, now_s + 600 + leeway_s - 1));

    auto later = forgery();
    later.valid_from = std::to_string(now_s + 100);
    EXPECT_EQ(verifier_.verify(later.text(), now_s).error(), token::Refusal::not_yet_valid);
}

TEST_F(AccessToken, leaves_the_cache_when_it_expires) {
    const std::string text = key_.sign(some_claims());
    ASSERT_TRUE(verifier_.verify(text, now_s));
    ASSERT_EQ(verifier_.cached_tokens(), 1u);
    expect_refused(text, token::Refusal::expired, now_s + 606);
}

TEST_F(AccessToken, with_wrong_claims_is_refused) {
    const auto refuse = [&](auto change) {
        auto wrong = forgery();
        change(wrong);
        expect_refused(wrong.text(), token::Refusal::malformed);
    };
    refuse([](Forgery& made) { made.expires_at = std::to_string(now_s + 601); });
    refuse([](Forgery& made) { made.expires_at = std::to_string(now_s); });
    refuse([](Forgery& made) { made.expires_at = "9223372036854775807"; });
    refuse([](Forgery& made) { made.issued_at = "-9223372036854775808"; });
    refuse([](Forgery& made) { made.issued_at = "1e9"; });
    refuse([](Forgery& made) { made.valid_from = "null"; });
    refuse([](Forgery& made) { made.subject = "me"; });
    refuse([](Forgery& made) { made.role = "root"; });
    refuse([](Forgery& made) { made.id = ""; });
    refuse([](Forgery& made) { made.id = R"(,"jti":"x","role":"admin")"; });
}

TEST_F(AccessToken, malformed_is_refused) {
    const std::string good = key_.sign(some_claims());
    const auto first = good.find('.');
    const auto second = good.rfind('.');
    const std::string header = good.substr(0, first);
    const std::string payload = good.substr(first + 1, second - first - 1);
    const std::string signature = good.substr(second + 1);
    for (const std::string& text :
         {std::string(),
          std::string("."),
          std::string(".."),
          header,
          header + '.' + payload,
          '.' + payload + '.' + signature,
          header + '.' + payload + '.',
          header + '.' + payload + '.' + signature + '.',
          header + '.' + payload + '.' + signature + "==",
          header + '.' + payload + '.' + signature + "\n",
          ' ' + good,
          "e30=." + payload + '.' + signature,
          "!!!." + payload + '.' + signature,
          base64url_of("[]") + '.' + payload + '.' + signature,
          base64url_of("{") + '.' + payload + '.' + signature,
          header + '.' + payload + '.' + signature.substr(4),
          header + '.' + payload + '.' + signature + "AAAA"}) {
        expect_refused(text, token::Refusal::malformed);
    }
    // Another text for the same signature bytes: the unused bits of the last character are set.
    std::string twin = good;
    static constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    twin.back() = alphabet[alphabet.find(twin.back()) + 1];
    expect_refused(twin, token::Refusal::malformed);

    const auto signed_input = [&](const std::string& input) {
        return input + '.' + base::to_base64url(token::PrivateKey::from_pem(pem)->sign(input));
    };
    expect_refused(signed_input(header + ".e30="), token::Refusal::malformed);
    expect_refused(signed_input(header + '.'), token::Refusal::malformed);
    expect_refused(signed_input(header + '.' + base64url_of("[]")), token::Refusal::malformed);
}

TEST_F(AccessToken, oversized_is_refused) {
    auto big = forgery();
    big.id = R"(,"jti":")" + std::string(token::token_bytes_max, 'x') + '"';
    expect_refused(big.text(), token::Refusal::malformed);
    expect_refused(std::string(10'000'000, 'a'), token::Refusal::malformed);
}

TEST_F(AccessToken, tampered_is_refused) {
    const std::string good = key_.sign(some_claims());
    const auto first = good.find('.');
    const auto second = good.rfind('.');
    auto admin = some_claims();
    admin.role = token::Role::admin;
    const std::string other = key_.sign(admin);
    const auto other_second = other.rfind('.');
    expect_refused(
        other.substr(0, other_second) + good.substr(second), token::Refusal::signature_wrong
    );
    expect_refused(
        good.substr(0, second) + other.substr(other_second), token::Refusal::signature_wrong
    );
    ASSERT_TRUE(verifier_.verify(good, now_s));
    std::string changed = good;
    changed[first + 5] = changed[first + 5] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(verifier_.verify(changed, now_s)) << "a cached token must not vouch for others";
}

TEST_F(AccessToken, leaves_with_its_key) {
    const auto next = token::SigningKey::from_pem(token::SigningKey::generate_pem());
    ASSERT_EQ(verifier_.set_keys(key_.jwks({&next})), 2u);
    const std::string old_token = key_.sign(some_claims());
    const std::string new_token = next.sign(some_claims());
    ASSERT_TRUE(verifier_.verify(old_token, now_s));
    ASSERT_TRUE(verifier_.verify(new_token, now_s));

    ASSERT_EQ(verifier_.set_keys(next.jwks({&key_})), 2u);
    EXPECT_EQ(verifier_.cached_tokens(), 2u) << "the same keys in another order";

    ASSERT_EQ(verifier_.set_keys(next.jwks()), 1u);
    EXPECT_EQ(verifier_.cached_tokens(), 1u);
    EXPECT_EQ(verifier_.verify(old_token, now_s).error(), token::Refusal::key_unknown);
    EXPECT_TRUE(verifier_.verify(new_token, now_s));
}

TEST_F(AccessToken, is_taken_without_its_signature_only_where_that_was_checked) {
    const std::string text = key_.sign(some_claims());
    const auto unknown = verifier_.look(text, now_s);
    ASSERT_TRUE(unknown);
    EXPECT_FALSE(*unknown) << "valid, but its signature was never checked";
    EXPECT_EQ(verifier_.cached_tokens(), 0u);
    ASSERT_TRUE(verifier_.verify(text, now_s));
    const auto known = verifier_.look(text, now_s);
    ASSERT_TRUE(known && *known);
    EXPECT_EQ((*known)->account_id, some_claims().account_id);
    EXPECT_EQ(verifier_.look(text, now_s + 3600).error(), token::Refusal::expired);
    EXPECT_EQ(verifier_.cached_tokens(), 0u);
}

TEST_F(AccessToken, that_is_refused_for_anything_else_costs_no_signature) {
    // Each with a wrong signature, which would show if it were checked first.
    const std::string wrong(86, 'A');
    const auto expect_seen = [&](const Forgery& made, token::Refusal refusal) {
        const std::string text = made.signing_input() + '.' + wrong;
        EXPECT_EQ(verifier_.verify(text, now_s).error(), refusal) << text;
        const auto seen = verifier_.look(text, now_s);
        ASSERT_FALSE(seen) << text;
        EXPECT_EQ(seen.error(), refusal) << text;
    };
    auto expired = forgery();
    expired.issued_at = expired.valid_from = std::to_string(now_s - 700);
    expired.expires_at = std::to_string(now_s - 100);
    expect_seen(expired, token::Refusal::expired);
    expired.kid = "gone";
    expect_seen(expired, token::Refusal::expired);
    auto unknown = forgery();
    unknown.kid = "another";
    expect_seen(unknown, token::Refusal::key_unknown);
    auto issuer = forgery();
    issuer.issuer = "somebody";
    expect_seen(issuer, token::Refusal::issuer_wrong);
    auto audience = forgery();
    audience.audience = "7";
    expect_seen(audience, token::Refusal::audience_wrong);
    auto role = forgery();
    role.role = "root";
    expect_seen(role, token::Refusal::malformed);
    EXPECT_EQ(verifier_.look("nonsense", now_s).error(), token::Refusal::malformed);
    EXPECT_EQ(verifier_.look(std::string(5000, 'a'), now_s).error(), token::Refusal::malformed);
    const std::string forged = forgery().signing_input() + '.' + wrong;
    EXPECT_FALSE(verifier_.look(forged, now_s).value()) << "only its signature tells";
    EXPECT_EQ(verifier_.verify(forged, now_s).error(), token::Refusal::signature_wrong);
}

TEST_F(AccessToken, leaves_when_its_kid_gets_another_key) {
    const std::string text = key_.sign(some_claims());
    ASSERT_TRUE(verifier_.verify(text, now_s));
    const auto other = token::SigningKey::from_pem(token::SigningKey::generate_pem());
    std::string jwks = other.jwks();
    jwks.replace(jwks.find(other.kid()), other.kid().size(), key_.kid());
    ASSERT_EQ(verifier_.set_keys(jwks), 1u);
    expect_refused(text, token::Refusal::signature_wrong);
}

TEST_F(AccessToken, key_sets_that_are_of_no_use_change_nothing) {
    const std::string text = key_.sign(some_claims());
    const std::string jwk = key_.jwks().substr(9, key_.jwks().size() - 11);
    for (const std::string& jwks :
         {std::string(""),
          std::string("<html>"),
          std::string("[]"),
          std::string(R"({"keys":{}})"),
          std::string(R"({"keys":[]})"),
          std::string(R"({"keys":[7,{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"}]})"),
          R"({"keys":[)" + jwk + ',' + jwk + "]}"}) {
        EXPECT_FALSE(verifier_.set_keys(jwks)) << jwks;
        EXPECT_TRUE(verifier_.verify(text, now_s));
    }
    const std::string mixed =
        R"({"keys":[{"kty":"RSA","kid":"a"},{"kty":"OKP","crv":"Ed25519","x":"AA"},)" + jwk + "]}";
    EXPECT_EQ(verifier_.set_keys(mixed), 1u);
    EXPECT_TRUE(verifier_.verify(text, now_s));
}

TEST(signing_key, may_stand_beside_others_in_one_text) {
    const std::string first = token::SigningKey::generate_pem();
    const std::string second = token::SigningKey::generate_pem();
    const auto keys = token::SigningKey::all_from_pem("two keys:\n" + first + "\n" + second);
    ASSERT_EQ(keys.size(), 2u);
    EXPECT_EQ(keys[0].kid(), token::SigningKey::from_pem(first).kid());
    EXPECT_EQ(keys[1].kid(), token::SigningKey::from_pem(second).kid());
    EXPECT_EQ(token::SigningKey::all_from_pem(first).size(), 1u);
    const std::string cut = second.substr(0, second.size() / 2);
    for (const std::string& text : {std::string(), std::string("no key"), first + cut}) {
        EXPECT_THROW(token::SigningKey::all_from_pem(text), std::runtime_error);
    }
}

TEST(verifier, bounds_its_key_set) {
    const auto first = token::SigningKey::from_pem(pem);
    const auto second = token::SigningKey::from_pem(token::SigningKey::generate_pem());
    token::Verifier verifier({.cached_tokens_max = 1, .keys_max = 1});
    EXPECT_FALSE(verifier.has_keys());
    EXPECT_FALSE(verifier.set_keys(first.jwks({&second})));
    EXPECT_FALSE(verifier.has_keys());
    EXPECT_EQ(
        verifier.verify(first.sign(some_claims()), now_s).error(), token::Refusal::key_unknown
    );
    EXPECT_TRUE(verifier.set_keys(first.jwks()));
    EXPECT_TRUE(verifier.has_keys());
}

TEST(verifier, bounds_its_cache_and_drops_the_expired_before_the_oldest) {
    const auto key = token::SigningKey::from_pem(pem);
    token::Verifier verifier({.cached_tokens_max = 3, .keys_max = 1});
    ASSERT_TRUE(verifier.set_keys(key.jwks()));
    const auto present = [&](std::int64_t issued_at_s, std::int64_t lifetime_s) {
        auto claims = some_claims();
        claims.issued_at_s = issued_at_s;
        claims.expires_at_s = issued_at_s + lifetime_s;
        EXPECT_TRUE(verifier.verify(key.sign(claims), issued_at_s));
    };
    for (int count = 0; count < 10; ++count) present(now_s + count, 600);
    EXPECT_EQ(verifier.cached_tokens(), 3u);
    present(now_s + 20, 10);
    EXPECT_EQ(verifier.cached_tokens(), 3u);
    // All but the newest of the long ones have expired by then.
    present(now_s + 2000, 600);
    EXPECT_EQ(verifier.cached_tokens(), 1u);
}

TEST(verifier, answers_from_the_cache_without_the_cost_of_a_signature) {
    const auto key = token::SigningKey::from_pem(pem);
    token::Verifier cached(token::VerifierLimits{});
    token::Verifier uncached({.cached_tokens_max = 0, .keys_max = 1});
    ASSERT_TRUE(cached.set_keys(key.jwks()));
    ASSERT_TRUE(uncached.set_keys(key.jwks()));
    const std::string text = key.sign(some_claims());
    ASSERT_TRUE(cached.verify(text, now_s));
    const auto nanoseconds = [&](token::Verifier& verifier, int rounds) {
        const auto start = std::chrono::steady_clock::now();
        for (int round = 0; round < rounds; ++round) {
            EXPECT_TRUE(verifier.verify(text, now_s));
        }
        const std::chrono::nanoseconds taken = std::chrono::steady_clock::now() - start;
        return taken.count() / rounds;
    };
    const auto with_signature = nanoseconds(uncached, 500);
    const auto with_cache = nanoseconds(cached, 20000);
    RecordProperty("signature_ns", static_cast<int>(with_signature));
    RecordProperty("cache_ns", static_cast<int>(with_cache));
    // Far from the measured ratio, so that a noisy machine doesn't fail it.
    EXPECT_LT(with_cache * 5, with_signature);
}

TEST(signing_key, has_a_kid_of_its_own_and_says_how_to_make_one) {
    const auto key = token::SigningKey::from_pem(pem);
    EXPECT_EQ(key.kid().size(), 43u);
    EXPECT_EQ(key.kid(), token::SigningKey::from_pem(pem).kid());
    EXPECT_NE(key.jwks().find(key.kid()), std::string::npos);
    EXPECT_EQ(key.jwks().find("\"d\""), std::string::npos);
    try {
        token::SigningKey::from_pem("nonsense");
        FAIL() << "accepted nonsense";
    } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find("openssl genpkey"), std::string::npos);
        EXPECT_EQ(std::string(error.what()).find("nonsense"), std::string::npos);
    }
}

}  // namespace
