#include "http/negotiation.hpp"

#include <algorithm>

#include "http/conditional.hpp"

namespace http {

namespace {

/// Larger bodies would hold the one thread up for several milliseconds.
constexpr std::size_t gzip_bytes_max = 512 * 1024;

bool is_read(const Request& request) {
    return request.method == "GET" || request.method == "HEAD";
}

bool lists(std::string_view list, std::string_view wanted) {
    while (!list.empty()) {
        const auto comma = std::min(list.find(','), list.size());
        auto part = list.substr(0, comma);
        list.remove_prefix(std::min(comma + 1, list.size()));
        part.remove_prefix(std::min(part.find_first_not_of(" \t"), part.size()));
        part = part.substr(0, part.find_first_of(" \t;="));
        if (equal_ignoring_case(part, wanted)) return true;
    }
    return false;
}

void vary_by_encoding(Headers& headers) {
    const bool is_said = std::ranges::any_of(headers, [](const Headers::Field& field) {
        return equal_ignoring_case(field.first, "Vary") &&
               (lists(field.second, "Accept-Encoding") || lists(field.second, "*"));
    });
    if (!is_said) headers.add("Vary", "Accept-Encoding");
}

void become_not_modified(Response& response) {
    response.status = 304;
    response.body.clear();
    response.headers.erase_if([](std::string_view name, std::string_view) {
        return equal_ignoring_case(name, "Content-Type") ||
               equal_ignoring_case(name, "Content-Encoding") ||
               equal_ignoring_case(name, "Content-Language");
    });
}

bool may_be_transformed(const Headers& headers) {
    // no-store marks what holds tokens: it is short, and what never mixes a secret with a
    // caller's text can't leak it by its length (ADR 0038).
    const auto control = headers.get("Cache-Control");
    return !headers.get("Content-Encoding") &&
           !(control && (lists(*control, "no-transform") || lists(*control, "no-store")));
}

}  // namespace

Negotiation::Wishes Negotiation::read(Request& request) {
    Wishes wishes;
    if (!request.noticed.negotiates) return wishes;
    for (auto& [name, value] : request.headers) {
        if (equal_ignoring_case(name, "Accept-Encoding")) {
            wishes.gzip = accepts_gzip(value);
        } else if (equal_ignoring_case(name, "If-Match")) {
            take_coding_off(value);
        } else if (equal_ignoring_case(name, "If-None-Match")) {
            std::string given = value;
            if (take_coding_off(value)) wishes.given_tags.append(given).append(",");
            if (!wishes.known_tags) {
                wishes.known_tags = value;
            } else {
                wishes.known_tags->append(",").append(value);
            }
        }
    }
    return wishes;
}

void Negotiation::apply(const Request& request, const Wishes& wishes, Response& response) {
    if (!is_read(request)) return;
    if (response.status == 200 && wishes.known_tags) {
        const auto tag = response.headers.get("ETag");
        if (tag && matches_weakly(*wishes.known_tags, *tag)) become_not_modified(response);
    }
    if (gzip_bytes_min_ == 0) return;
    if (response.status == 304) {
        vary_by_encoding(response.headers);
        const auto tag = response.headers.get("ETag");
        if (!tag || !wishes.gzip || wishes.given_tags.empty()) return;
        // That version, not just any of those listed, was sent as gzip.
        std::string coded = with_coding(*tag);
        if (matches_weakly(wishes.given_tags, coded)) {
            response.headers.set("ETag", std::move(coded));
        }
    } else if (response.status == 200 && response.body.size() >= gzip_bytes_min_) {
        compress(wishes, response);
    }
}

void Negotiation::compress(const Wishes& wishes, Response& response) {
    auto& headers = response.headers;
    const auto type = headers.get("Content-Type");
    if (!type || !is_compressible(*type) || !may_be_transformed(headers)) return;
    vary_by_encoding(headers);
    if (!wishes.gzip || response.body.size() > gzip_bytes_max) return;
    std::string body = gzip_.compress(response.body);
    if (body.empty() || body.size() >= response.body.size()) return;
    response.body = std::move(body);
    headers.add("Content-Encoding", "gzip");
    if (const auto tag = headers.get("ETag")) headers.set("ETag", with_coding(*tag));
}

}  // namespace http
