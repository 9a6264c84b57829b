#include "cli/preflight/guessable.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/evp.h>

#include "base/encoding.hpp"
#include "token/access_token.hpp"

namespace cli::preflight {
namespace {

constexpr std::size_t bytes_min = 12;
constexpr double bits_failed = 32;
constexpr double bits_warning = 60;
/// More digits and signs than this around a word are a secret of their own.
constexpr std::size_t padding_max = 6;

/// What passwords of this kind of system are made of, in lower case and without signs.
constexpr std::array<std::string_view, 36> words{
    "postgres", "postgresql", "password", "passwort",  "passwd", "pass",    "redis",  "sentinel",
    "changeme", "changeit",   "replace",  "admin",     "root",   "user",    "guest",  "test",
    "testing",  "example",    "sample",   "default",   "secret", "letmein", "qwerty", "welcome",
    "login",    "database",   "db",       "key",       "my",     "the",     "auth",   "product",
    "orders",   "order",      "auditor",  "doorbuster"
};

/// Thumbprints (RFC 7638) of P-256 keys whose private half is printed somewhere.
const std::map<std::string_view, std::string_view>& published_keys() {
    static const std::map<std::string_view, std::string_view> keys{
        {"oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U", "RFC 7515, appendix A.3"},
        {"cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s", "RFC 7517, appendix A"},
        {"DOvxvJiAdIqVWIkFt5hDtCunXLF0BV4-JGv4f-ALSm0", "RFC 6979, appendix A.2.5"},
        {"19J8y7Zprt2-QKLjF2I5pVk0OELX6cY2AfaAv1LC_w8", "the example of jwt.io"},
        {"jFqF-5UxTrVT9ZaHgmE8tATWAVYOx2B1amNU9sxAysw", "this project's tests"},
    };
    return keys;
}

/// Letters only, in lower case; with `signs_as_letters` also those that are written as signs.
std::string letters_of(std::string_view text, bool signs_as_letters) {
    constexpr std::string_view signs = "0134578@$!";
    constexpr std::string_view meant = "oieastbasi";
    std::string letters;
    for (char letter : text) {
        if (signs_as_letters) {
            const auto at = signs.find(letter);
            if (at != std::string_view::npos) letter = meant[at];
        }
        if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
        if (letter >= 'a' && letter <= 'z') letters += letter;
    }
    return letters;
}

bool is_made_of_words(const std::string& letters) {
    if (letters.empty()) return false;
    std::vector<bool> reached(letters.size() + 1, false);
    reached[0] = true;
    for (std::size_t begin = 0; begin < letters.size(); ++begin) {
        if (!reached[begin]) continue;
        for (const std::string_view word : words) {
            if (std::string_view(letters).substr(begin).starts_with(word)) {
                reached[begin + word.size()] = true;
            }
        }
    }
    return reached[letters.size()];
}

/// base64 with padding, as PostgreSQL writes it.
std::optional<std::string> from_base64(std::string_view text) {
    std::string url(text.substr(0, text.find('=')));
    std::ranges::replace(url, '+', '-');
    std::ranges::replace(url, '/', '_');
    const auto bytes = base::from_base64url(url);
    if (!bytes) return std::nullopt;
    return std::string(bytes->begin(), bytes->end());
}

std::string why_poor(const GivenSecret& secret, Verdict& verdict) {
    verdict = Verdict::failed;
    if (is_guessable(secret.value)) return "is made of well-known words";
    if (secret.value.size() < bytes_min) {
        return fmt::format("has only {} bytes", secret.value.size());
    }
    const double bits = bits_at_most(secret.value);
    if (bits < bits_failed) return "repeats a few characters";
    verdict = Verdict::warning;
    if (bits < bits_warning) return fmt::format("has at most {:.0f} bits", bits);
    verdict = Verdict::ok;
    return {};
}

}  // namespace

const std::vector<std::string>& well_known_passwords() {
    static const std::vector<std::string> passwords = [] {
        std::vector<std::string> made;
        for (const std::string_view word : words) made.emplace_back(word);
        for (const char* more :
             {"123456",
              "12345678",
              "postgres123",
              "password123",
              "change-me",
              "change_me",
              "redis_pass",
              "postgres_pass",
              "admin123",
              "P@ssw0rd",
              "doorbuster_admin"}) {
            made.emplace_back(more);
        }
        return made;
    }();
    return passwords;
}

bool is_guessable(std::string_view text) {
    if (text.empty()) return true;
    if (text.find_first_not_of(text.front()) == std::string_view::npos) return true;
    if (text.size() <= padding_max) return true;
    const std::string plain = letters_of(text, false);
    if (text.size() - plain.size() <= padding_max && is_made_of_words(plain)) return true;
    const std::string meant = letters_of(text, true);
    if (text.size() - meant.size() <= padding_max && is_made_of_words(meant)) return true;
    return std::string_view("01234567890123456789").find(text) != std::string_view::npos;
}

double bits_at_most(std::string_view text) {
    const std::set<char> distinct(text.begin(), text.end());
    if (distinct.size() < 2) return 0;
    return static_cast<double>(text.size()) * std::log2(static_cast<double>(distinct.size()));
}

Judgement judge_secrets(const std::vector<GivenSecret>& secrets) {
    if (secrets.empty()) {
        return warning("none was given to look at", "give them as NAME or NAME_FILE");
    }
    Verdict worst = Verdict::ok;
    std::vector<std::string> poor;
    std::vector<std::string> names;
    for (const GivenSecret& secret : secrets) {
        Verdict verdict = Verdict::ok;
        const std::string why = why_poor(secret, verdict);
        names.push_back(secret.name);
        if (verdict == Verdict::ok) continue;
        worst = std::max(worst, verdict);
        poor.push_back(secret.name + " " + why);
    }
    if (poor.empty()) return ok(fmt::format("{}: random enough", fmt::join(names, ", ")));
    return {
        worst,
        fmt::format("{}", fmt::join(poor, "; ")),
        "put random bytes there (openssl rand -base64 24), and into its server: doorbuster migrate "
        "--set-passwords for the rooms' roles"
    };
}

Judgement judge_signing_key(std::string_view pem) {
    try {
        const auto key = token::SigningKey::from_pem(pem);
        const auto published = published_keys().find(key.kid());
        if (published != published_keys().end()) {
            return failed(
                fmt::format("a published key: {}", published->second),
                "anyone can sign tokens: openssl genpkey -algorithm EC -pkeyopt "
                "ec_paramgen_curve:P-256 -out jwt-key.pem, then restart auth"
            );
        }
        return ok(fmt::format("P-256, {}", key.kid()));
    } catch (const std::runtime_error& error) {
        return failed(
            error.what(),
            "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out jwt-key.pem"
        );
    }
}

bool is_scram_password(std::string_view verifier, std::string_view password) {
    constexpr std::string_view prefix = "SCRAM-SHA-256$";
    if (!verifier.starts_with(prefix)) return false;
    verifier.remove_prefix(prefix.size());
    const auto colon = verifier.find(':');
    const auto dollar = verifier.find('$');
    if (colon == std::string_view::npos || dollar == std::string_view::npos) return false;
    const auto salt = from_base64(verifier.substr(colon + 1, dollar - colon - 1));
    const auto keys = verifier.substr(dollar + 1);
    const auto stored = from_base64(keys.substr(0, keys.find(':')));
    const int iterations = std::atoi(std::string(verifier.substr(0, colon)).c_str());
    if (!salt || !stored || iterations < 1) return false;
    token::Digest salted{};
    const int done = PKCS5_PBKDF2_HMAC(
        password.data(),
        static_cast<int>(password.size()),
        reinterpret_cast<const unsigned char*>(salt->data()),
        static_cast<int>(salt->size()),
        iterations,
        EVP_sha256(),
        static_cast<int>(salted.size()),
        salted.data()
    );
    if (done != 1) return false;
    const token::Digest client = token::hmac_sha256(salted, "Client Key");
    const token::Digest key =
        token::sha256(std::string_view(reinterpret_cast<const char*>(client.data()), client.size())
        );
    return base::secrets_equal(
        *stored, std::string_view(reinterpret_cast<const char*>(key.data()), key.size())
    );
}

}  // namespace cli::preflight
