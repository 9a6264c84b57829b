#include "http/problem.hpp"

#include <fmt/format.h>

#include "http/write_message.hpp"

namespace http {

namespace {

void append_text(std::string& out, std::string_view text) {
    out.push_back('"');
    for (const char letter : text) {
        if (letter == '"' || letter == '\\') {
            out.push_back('\\');
            out.push_back(letter);
        } else if (static_cast<unsigned char>(letter) < 0x20) {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(letter));
        } else {
            out.push_back(letter);
        }
    }
    out.push_back('"');
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
    out.append(",\"").append(name).append("\":");
    append_text(out, text);
}

}  // namespace

Response to_response(const Problem& problem) {
    std::string body;
    body.reserve(192 + problem.detail.size());
    body.append("{\"type\":\"urn:doorbuster:problem:").append(problem.code).append("\"");
    append_member(body, "title", reason_phrase(problem.status));
    body.append(",\"status\":").append(std::to_string(problem.status));
    append_member(body, "code", problem.code);
    if (!problem.detail.empty()) append_member(body, "detail", problem.detail);
    if (!problem.field.empty()) append_member(body, "field", problem.field);
    for (const auto& [name, value] : problem.members) {
        body.append(",\"").append(name).append("\":").append(value);
    }
    body.push_back('}');
    Response response{problem.status, {}, std::move(body)};
    response.headers.add("Content-Type", "application/problem+json");
    if (problem.retry_after_s) {
        response.headers.add("Retry-After", std::to_string(*problem.retry_after_s));
    }
    return response;
}

}  // namespace http
