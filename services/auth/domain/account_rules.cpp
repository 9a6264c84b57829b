#include "auth/domain/account_rules.hpp"

#include <algorithm>

#include "base/letter_case.hpp"

namespace auth {
namespace {

constexpr std::size_t local_bytes_max = 64;
constexpr std::size_t label_bytes_max = 63;

bool is_letter_or_digit(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9');
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

// RFC 5321's dot-atom: what mail providers give out. Quoted local parts are refused.
bool is_local_part(std::string_view local) {
    constexpr std::string_view specials = "!#$%&'*+-/=?^_`{|}~.";
    if (local.empty() || local.size() > local_bytes_max) return false;
    if (local.front() == '.' || local.back() == '.') return false;
    if (local.find("..") != std::string_view::npos) return false;
    return std::ranges::all_of(local, [&](char byte) {
        return is_letter_or_digit(byte) || specials.find(byte) != std::string_view::npos;
    });
}

bool is_label(std::string_view label) {
    if (label.empty() || label.size() > label_bytes_max) return false;
    if (label.front() == '-' || label.back() == '-') return false;
    return std::ranges::all_of(label, [](char byte) {
        return is_letter_or_digit(byte) || byte == '-';
    });
}

bool is_domain(std::string_view domain) {
    std::size_t labels = 0;
    while (true) {
        const std::size_t dot = domain.find('.');
        if (!is_label(domain.substr(0, dot))) return false;
        ++labels;
        if (dot == std::string_view::npos) return labels >= 2;
        domain.remove_prefix(dot + 1);
    }
}

bool has_control_character(std::string_view text) {
    return std::ranges::any_of(text, [](char byte) {
        return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f;
    });
}

}  // namespace

std::expected<Email, std::string> read_email(std::string_view text) {
    const std::string_view address = trimmed(text);
    const std::size_t at = address.rfind('@');
    if (at == std::string_view::npos || address.size() > email_bytes_max ||
        !is_local_part(address.substr(0, at)) || !is_domain(address.substr(at + 1))) {
        return std::unexpected("Give an e-mail address like name@example.com.");
    }
    return Email{
        std::string(address.substr(0, at)) + base::lower_case(address.substr(at)),
        base::lower_case(address)
    };
}

std::optional<std::string> password_problem(std::string_view password, const Email& email) {
    const std::size_t characters = count_characters(password);
    if (characters < password_characters_min || characters > password_characters_max) {
        return "Choose a password of 10 to 256 characters.";
    }
    if (base::lower_case(password) == email.key) {
        return "Choose a password that is not the e-mail address.";
    }
    return std::nullopt;
}

std::expected<std::optional<std::string>, std::string> read_name(std::string_view text) {
    const std::string_view name = trimmed(text);
    if (name.empty()) return std::nullopt;
    if (count_characters(name) > name_characters_max || has_control_character(name)) {
        return std::unexpected("Give a name of at most 100 characters in one line.");
    }
    return std::string(name);
}

std::size_t count_characters(std::string_view text) {
    // Every byte of UTF-8 but the continuation bytes begins a character.
    return static_cast<std::size_t>(std::ranges::count_if(text, [](char byte) {
        return (byte & 0xc0) != 0x80;
    }));
}

}  // namespace auth
