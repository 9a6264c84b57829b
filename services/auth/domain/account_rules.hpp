#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace auth {

inline constexpr std::size_t email_bytes_max = 254;
inline constexpr std::size_t password_characters_min = 10;
inline constexpr std::size_t password_characters_max = 256;
inline constexpr std::size_t name_characters_max = 100;

/// An address as it is shown (domain in lower case), and the key that makes it unique: all of it in
/// lower case, since no mail provider people use tells Ada@ from ada@.
struct Email {
    std::string address;
    std::string key;
};

/// Each returns, or has as its error, one sentence for a person: what is expected.
std::expected<Email, std::string> read_email(std::string_view text);
std::optional<std::string> password_problem(std::string_view password, const Email& email);
/// Without the blanks around it; nullopt if nothing is left.
std::expected<std::optional<std::string>, std::string> read_name(std::string_view text);

/// Characters of a valid UTF-8 text.
std::size_t count_characters(std::string_view text);

}  // namespace auth
