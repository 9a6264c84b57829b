#include "http/problem.hpp"

#include "base/encoding.hpp"
#include "http/write_message.hpp"

namespace http {

namespace {

void append_member(std::string& out, std::string_view name, std::string_view text) {
    out.append(",\"").append(name).append("\":");
    base::append_json_string(out, text);
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
    // RFC 9110, section 15.5.2: a 401 says how to authenticate.
    if (problem.status == 401) response.headers.add("WWW-Authenticate", "Bearer");
    if (problem.retry_after_s) {
        response.headers.add("Retry-After", std::to_string(*problem.retry_after_s));
    }
    return response;
}

}  // namespace http
