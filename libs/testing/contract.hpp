#pragma once

#include <algorithm>
#include <cctype>
#include <fstream>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

namespace testing {

/// The operations of an OpenAPI file as "GET /api/v1/things". Reads just what our contracts look
/// like: paths indented by two, methods by four.
inline std::set<std::string> contract_operations(const std::string& file) {
    static const std::set<std::string, std::less<>> methods{
        "get", "head", "post", "put", "patch", "delete", "options"
    };
    std::ifstream contract(file);
    if (!contract) throw std::runtime_error("cannot read " + file);
    std::set<std::string> operations;
    bool in_paths = false;
    std::string path;
    for (std::string line; std::getline(contract, line);) {
        const std::string_view text = line;
        if (!text.empty() && text.front() != ' ') in_paths = text.starts_with("paths:");
        const auto indent = text.find_first_not_of(' ');
        if (!in_paths || indent == std::string_view::npos) continue;
        const auto key = text.substr(indent, text.find(':', indent) - indent);
        if (indent == 2) path = key;
        if (indent != 4 || !methods.contains(key)) continue;
        std::string method(key);
        std::ranges::transform(method, method.begin(), [](unsigned char letter) {
            return static_cast<char>(std::toupper(letter));
        });
        operations.insert(method + " " + path);
    }
    return operations;
}

}  // namespace testing
