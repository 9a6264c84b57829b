#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace crowd {

/// One member of a JSON object, its value still as text.
struct Member {
    std::string_view name;  ///< as written, escapes not decoded
    std::string_view value;

    /// The content of a string without escapes; nullopt for anything else.
    std::optional<std::string_view> text() const;
    /// A whole number that fits; nullopt for anything else.
    std::optional<std::int64_t> integer() const;
};

/// Calls `visit` for each member of the outermost object, without building anything: the crowd
/// reads four numbers out of every answer and shares its cores with the shop. Returns false if the
/// text is not one well-formed object (members met before the fault were visited).
bool scan_object(std::string_view text, const std::function<void(const Member&)>& visit);

}  // namespace crowd
