#include "token/p256.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/encoding.hpp"

namespace {

template <std::size_t Size>
std::array<std::uint8_t, Size> bytes_of(std::string_view text) {
    const auto bytes = base::from_base64url(text).value();
    std::array<std::uint8_t, Size> array{};
    EXPECT_EQ(bytes.size(), Size);
    std::ranges::copy_n(bytes.begin(), std::min(Size, bytes.size()), array.begin());
    return array;
}

// RFC 7515, appendix A.3.
const token::Point rfc_point{
    bytes_of<32>("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
    bytes_of<32>("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")
};
constexpr std::string_view rfc_signing_input =
    "eyJhbGciOiJFUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlf"
    "Q";
const token::Signature rfc_signature = bytes_of<64>(
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
);

TEST(p256, verifies_the_example_of_rfc_7515) {
    const auto key = token::PublicKey::from_point(rfc_point);
    ASSERT_TRUE(key);
    EXPECT_TRUE(key->verify(rfc_signing_input, rfc_signature));
    EXPECT_TRUE(key->verify(rfc_signing_input, rfc_signature)) << "the context is reusable";
}

TEST(p256, refuses_any_changed_byte_of_the_signature) {
    const auto key = token::PublicKey::from_point(rfc_point);
    for (std::size_t at = 0; at < rfc_signature.size(); ++at) {
        auto wrong = rfc_signature;
        wrong[at] ^= 1;
        EXPECT_FALSE(key->verify(rfc_signing_input, wrong)) << at;
    }
    EXPECT_FALSE(key->verify("another message", rfc_signature));
}

TEST(p256, refuses_zero_and_short_signatures) {
    const auto key = token::PublicKey::from_point(rfc_point);
    EXPECT_FALSE(key->verify(rfc_signing_input, token::Signature{}));
    EXPECT_FALSE(key->verify(rfc_signing_input, std::span(rfc_signature).first(63)));
    EXPECT_FALSE(key->verify(rfc_signing_input, {}));
}

TEST(p256, refuses_a_point_that_is_not_on_the_curve) {
    auto point = rfc_point;
    point.y[31] ^= 1;
    EXPECT_FALSE(token::PublicKey::from_point(point));
    EXPECT_FALSE(token::PublicKey::from_point(token::Point{}));
}

TEST(p256, reads_the_keys_it_makes_and_signs_with_them) {
    const auto key = token::PrivateKey::from_pem(token::PrivateKey::generate_pem());
    ASSERT_TRUE(key);
    const auto public_key = token::PublicKey::from_point(key->point());
    ASSERT_TRUE(public_key);
    for (int round = 0; round < 50; ++round) {
        const std::string message = "message " + std::to_string(round);
        EXPECT_TRUE(public_key->verify(message, key->sign(message)));
    }
}

// Made with: openssl ecparam -name prime256v1 -genkey
constexpr std::string_view sec1_pem = R"(-----BEGIN EC PARAMETERS-----
BggqhkjOPQMBBw==
-----END EC PARAMETERS-----
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIE4h0cxMHxSAmRCm9tNsnmtGoExnuvIZzX6YoPDT0eXqoAoGCCqGSM49
AwEHoUQDQgAEyWkl3KyGYom5BtXl17DIVrlNUD5Q7F2fiZrub6iURd4uKlH6ZB42
2M4Bz5AfdhZfKW3Tk2K4+dQ9p7HlECVFRA==
-----END EC PRIVATE KEY-----
)";
// Made with: openssl ecparam -name secp384r1 -genkey -noout
constexpr std::string_view p384_pem = R"(-----BEGIN EC PRIVATE KEY-----
MIGkAgEBBDDOxUiOxgPeNNosfyzFvS82OGUbqezB9b9HO02oa4869bYpbKkZFCWO
H+/DwgPkxKGgBwYFK4EEACKhZANiAAT3viM2rjmqY2XKuEww9F3tw5Y6kewg+VH4
FCacctgZ5nX2SLWzR9JnFw1F9FK+4EjIQBALZ18DnHv3QBRPU7OW5b4oQWRzGUyg
oipXW3Ibsagy2/+E6QJnjHnUpDR7CWQ=
-----END EC PRIVATE KEY-----
)";
constexpr std::string_view encrypted_pem = R"(-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgo3ASOS9zCdgICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEHfw8jtlfg1B/FIaan8L//UEgZAM
4ujoBntOBLnY/eWm0vkmDicBlOzBMzvdOrfxq9ysqxzLhvp0osgn52wUQsjH31GE
QQQpEJ5V9pyYDEtQGBRKth8xNMQ9Oeq49MVnADsT8BeVYk9LYzPdLvmi+QXKQHeq
gnBsSr+0zHXr6drufYSalvhZiXV2EqHWRK3vkkd010BKlBxGklCkJn5yyGwt3Gs=
-----END ENCRYPTED PRIVATE KEY-----
)";

TEST(p256, reads_sec1) {
    EXPECT_TRUE(token::PrivateKey::from_pem(sec1_pem));
}

TEST(p256, refuses_other_keys) {
    EXPECT_FALSE(token::PrivateKey::from_pem(p384_pem));
    EXPECT_FALSE(token::PrivateKey::from_pem(encrypted_pem));
    EXPECT_FALSE(token::PrivateKey::from_pem(""));
    EXPECT_FALSE(token::PrivateKey::from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n"));
}

TEST(p256, derives_one_secret_per_purpose_and_key) {
    const std::string pem = token::PrivateKey::generate_pem();
    const auto key = token::PrivateKey::from_pem(pem);
    const auto same = token::PrivateKey::from_pem(pem);
    const auto other = token::PrivateKey::from_pem(token::PrivateKey::generate_pem());
    EXPECT_EQ(key->derive_secret("a"), same->derive_secret("a"));
    EXPECT_NE(key->derive_secret("a"), key->derive_secret("b"));
    EXPECT_NE(key->derive_secret("a"), other->derive_secret("a"));
}

TEST(digest, matches_the_examples_of_the_standards) {
    EXPECT_EQ(
        base::to_hex(token::sha256("abc")),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    // RFC 4231, test case 2.
    const std::string_view key = "Jefe";
    EXPECT_EQ(
        base::to_hex(token::hmac_sha256(
            {reinterpret_cast<const std::uint8_t*>(key.data()), key.size()},
            "what do ya want for nothing?"
        )),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
}

}  // namespace
