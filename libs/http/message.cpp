#include "http/message.hpp"

#include <algorithm>

#include "base/letter_case.hpp"
#include "http/path.hpp"

namespace http {

bool same_letters_ignoring_case(std::string_view left, std::string_view right) {
    return std::equal(left.begin(), left.end(), right.begin(), [](char one, char other) {
        return one == other || base::lower(one) == base::lower(other);
    });
}

void Headers::add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
}

void Headers::set(std::string name, std::string value) {
    erase(name);
    add(std::move(name), std::move(value));
}

void Headers::erase(std::string_view name) {
    std::erase_if(fields_, [&](const Field& field) {
        return equal_ignoring_case(field.first, name);
    });
}

std::optional<std::string_view> Headers::get(std::string_view name) const {
    for (const auto& [field_name, value] : fields_) {
        if (equal_ignoring_case(field_name, name)) return value;
    }
    return std::nullopt;
}

std::size_t Headers::count(std::string_view name) const {
    return static_cast<std::size_t>(std::ranges::count_if(fields_, [&](const Field& field) {
        return equal_ignoring_case(field.first, name);
    }));
}

std::string_view Request::path_parameter(std::string_view name) const {
    for (const auto& [parameter, value] : path_parameters) {
        if (parameter == name) return value;
    }
    return {};
}

std::optional<std::string> Request::query_parameter(std::string_view name) const {
    std::string_view rest = query;
    while (!rest.empty()) {
        const auto end = std::min(rest.find('&'), rest.size());
        const auto pair = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const auto equals = std::min(pair.find('='), pair.size());
        const auto key = percent_decode(pair.substr(0, equals), PlusMeans::space);
        if (!key || *key != name) continue;
        return percent_decode(pair.substr(std::min(equals + 1, pair.size())), PlusMeans::space);
    }
    return std::nullopt;
}

Response json_response(int status, std::string body) {
    Response response{status, {}, std::move(body)};
    response.headers.add("Content-Type", "application/json");
    return response;
}

}  // namespace http
