#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace logging {

enum class Level { debug, info, warning, error };

/// One field of a log line. Text is escaped; secrets must never be passed.
struct Field {
    std::string_view name;
    std::variant<std::int64_t, double, bool, std::string_view> value;

    Field(std::string_view field_name, std::string_view text) : name(field_name), value(text) {}
    Field(std::string_view field_name, const char* text)
        : name(field_name), value(std::string_view(text)) {}
    Field(std::string_view field_name, const std::string& text)
        : name(field_name), value(std::string_view(text)) {}
    Field(std::string_view field_name, bool flag) : name(field_name), value(flag) {}
    Field(std::string_view field_name, double number) : name(field_name), value(number) {}
    template <std::integral Integer>
    Field(std::string_view field_name, Integer number)
        : name(field_name), value(static_cast<std::int64_t>(number)) {}
};

/// Sets the process's name (the `service` field) and the lowest level written. Lines go to stderr,
/// one JSON object each: {"time","level","service","message", fields...}.
void configure(std::string_view service, Level lowest);

/// Reads debug|info|warning|error.
bool parse_level(std::string_view text, Level& level);

/// True if a line of this level would be written; to skip costly fields.
bool enabled(Level level);

using Fields = std::initializer_list<Field>;

void write(Level level, std::string_view message, Fields fields);

inline void debug(std::string_view message, Fields fields = {}) {
    write(Level::debug, message, fields);
}
inline void info(std::string_view message, Fields fields = {}) {
    write(Level::info, message, fields);
}
inline void warning(std::string_view message, Fields fields = {}) {
    write(Level::warning, message, fields);
}
inline void error(std::string_view message, Fields fields = {}) {
    write(Level::error, message, fields);
}

}  // namespace logging
