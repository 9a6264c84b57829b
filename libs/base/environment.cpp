#include "base/environment.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "base/letter_case.hpp"
#include "base/whole_number.hpp"

namespace base {

namespace {

constexpr std::size_t file_bytes_max = 64 * 1024;

constexpr std::array<std::string_view, 12> obvious_secrets = {
    "changeme",
    "change-me",
    "change_me",
    "secret",
    "password",
    "passw0rd",
    "default",
    "example",
    "admin",
    "test",
    "doorbuster",
    "letmein",
};

std::optional<std::string> from_process(const std::string& name) {
    // Configuration is read before any thread starts.
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
}

/// True for a word of the list, also said several times ("secretsecret") or padded with digits.
bool is_obvious_word(const std::string& text) {
    for (const std::string_view word : obvious_secrets) {
        std::string_view rest = text;
        while (rest.starts_with(word)) rest.remove_prefix(word.size());
        const bool found = rest.size() < text.size();
        if (found && rest.find_first_not_of("0123456789!") == std::string_view::npos) return true;
    }
    return false;
}

}  // namespace

Environment::Environment() : Environment(from_process) {}

Environment::Environment(Lookup lookup) : lookup_(std::move(lookup)) {}

std::string Environment::text(const std::string& name, const std::string& meaning) {
    return required({.name = name, .meaning = meaning, .fallback = "", .required = true});
}

std::string Environment::text_or(
    const std::string& name, const std::string& fallback, const std::string& meaning
) {
    variables_.push_back({.name = name, .meaning = meaning, .fallback = fallback});
    return value(name).value_or(fallback);
}

std::string Environment::secret(
    const std::string& name, std::size_t bytes_min, const std::string& meaning
) {
    const std::string text = required(
        {.name = name, .meaning = meaning, .fallback = "", .secret = true, .required = true}
    );
    if (text.empty() || is_obvious(name, text)) return "";
    if (text.size() < bytes_min) {
        problem(name, "is too short", fmt::format("Use at least {} random bytes", bytes_min));
        return "";
    }
    return text;
}

std::string Environment::optional_secret(
    const std::string& name, const std::string& meaning, MissingFile missing_file
) {
    variables_.push_back({.name = name, .meaning = meaning, .fallback = "", .secret = true});
    const auto path = file_of(name);
    std::error_code failure;
    if (missing_file == MissingFile::is_absent && path &&
        std::filesystem::status(*path, failure).type() == std::filesystem::file_type::not_found) {
        return "";
    }
    const std::string text = value(name).value_or("");
    return is_obvious(name, text) ? "" : text;
}

std::optional<std::string> Environment::file_of(const std::string& name) const {
    std::optional<std::string> path = lookup_(name + "_FILE");
    if (path && path->empty()) return std::nullopt;
    return path;
}

std::int64_t Environment::integer_or(
    const std::string& name,
    std::int64_t fallback,
    std::int64_t low,
    std::int64_t high,
    const std::string& meaning
) {
    variables_.push_back({.name = name, .meaning = meaning, .fallback = std::to_string(fallback)});
    const std::optional<std::string> text = value(name);
    if (!text) return fallback;
    const auto number = whole_number<std::int64_t>(*text);
    if (!number || *number < low || *number > high) {
        problem(
            name,
            fmt::format("is \"{}\": {}", *text, meaning),
            fmt::format("Use an integer from {} to {}", low, high)
        );
        return fallback;
    }
    return *number;
}

bool Environment::flag_or(const std::string& name, bool fallback, const std::string& meaning) {
    variables_.push_back({.name = name, .meaning = meaning, .fallback = fallback ? "true" : "false"}
    );
    const std::optional<std::string> text = value(name);
    if (!text) return fallback;
    if (*text == "true" || *text == "1") return true;
    if (*text == "false" || *text == "0") return false;
    problem(name, fmt::format("is \"{}\": {}", *text, meaning), "Use true or false");
    return fallback;
}

void Environment::problem(
    const std::string& name, const std::string& what, const std::string& how_to_fix
) {
    problems_.push_back(fmt::format("{} {}. {}.", name, what, how_to_fix));
}

std::string Environment::describe() const {
    const auto default_of = [](const Variable& variable) -> std::string {
        if (variable.required) return variable.secret ? "required, secret" : "required";
        if (variable.secret) return "none, secret";
        return variable.fallback.empty() ? "none" : variable.fallback;
    };
    std::size_t name_width = 0;
    std::size_t default_width = 0;
    for (const Variable& variable : variables_) {
        name_width = std::max(name_width, variable.name.size());
        default_width = std::max(default_width, default_of(variable).size());
    }
    std::string table;
    for (const Variable& variable : variables_) {
        fmt::format_to(
            std::back_inserter(table),
            "{:<{}}  {:<{}}  {}\n",
            variable.name,
            name_width,
            default_of(variable),
            default_width,
            variable.meaning
        );
    }
    return table;
}

std::optional<std::string> Environment::value(const std::string& name) {
    std::optional<std::string> direct = lookup_(name);
    const std::optional<std::string> path = lookup_(name + "_FILE");
    const bool has_direct = direct && !direct->empty();
    if (!path || path->empty()) return has_direct ? std::move(direct) : std::nullopt;
    if (has_direct) {
        problem(name, "is set, and so is " + name + "_FILE", "Keep only one of them");
        return std::nullopt;
    }
    return file_content(name, *path);
}

std::optional<std::string> Environment::file_content(
    const std::string& name, const std::string& path
) {
    std::ifstream file(path, std::ios::binary);
    std::string content(file_bytes_max + 1, '\0');
    file.read(content.data(), static_cast<std::streamsize>(content.size()));
    const auto count = static_cast<std::size_t>(file.gcount());
    if (file.bad() || !file.eof() || count > file_bytes_max) {
        const bool too_long = count > file_bytes_max;
        problem(
            name + "_FILE",
            fmt::format("names {}, which {}", path, too_long ? "is too long" : "can't be read"),
            too_long ? "Use a file of at most 64 KiB" : "Use a file that this process may read"
        );
        return std::nullopt;
    }
    content.resize(count);
    if (content.ends_with('\n')) content.pop_back();
    if (content.ends_with('\r')) content.pop_back();
    if (content.empty()) return std::nullopt;
    return content;
}

std::string Environment::required(const Variable& variable) {
    variables_.push_back(variable);
    const std::size_t problems_before = problems_.size();
    std::optional<std::string> text = value(variable.name);
    if (!text && problems_.size() == problems_before) {
        problem(
            variable.name,
            "is missing: " + variable.meaning,
            fmt::format("Set {0} or {0}_FILE", variable.name)
        );
    }
    return std::move(text).value_or("");
}

bool Environment::is_obvious(const std::string& name, const std::string& secret) {
    if (secret.empty()) return false;
    const bool one_character = secret.find_first_not_of(secret[0]) == std::string::npos;
    if (!one_character && !is_obvious_word(lower_case(secret))) return false;
    problem(name, "is a value that anyone would guess", "Use random bytes");
    return true;
}

}  // namespace base
