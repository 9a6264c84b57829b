#include "http/write_message.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

namespace http {

namespace {

/// Of a known length: `append` of a plain literal counts its letters each time.
using std::string_view_literals::operator""sv;

constexpr std::array<std::string_view, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> months{
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
};

struct Reason {
    int status;
    std::string_view phrase;
};

/// Ascending, for the search.
constexpr std::array<Reason, 34> reasons{{
    {100, "Continue"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {422, "Unprocessable Content"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
}};

bool is_written_by_server(std::string_view name) {
    switch (name.size()) {
        case 4:
            return equal_ignoring_case(name, "Date");
        case 10:
            return equal_ignoring_case(name, "Connection");
        case 12:
            return equal_ignoring_case(name, "X-Request-Id");
        case 14:
            return equal_ignoring_case(name, "Content-Length");
        case 17:
            return equal_ignoring_case(name, "Transfer-Encoding");
        default:
            return name.empty();
    }
}

}  // namespace

std::string_view reason_phrase(int status) {
    const auto found = std::ranges::lower_bound(reasons, status, {}, &Reason::status);
    return found != reasons.end() && found->status == status ? found->phrase : "";
}

std::string_view DateText::now() {
    const std::time_t second = std::time(nullptr);
    if (second != second_) {
        std::tm utc{};
        ::gmtime_r(&second, &utc);
        text_ = fmt::format(
            "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
            days[static_cast<std::size_t>(utc.tm_wday)],
            utc.tm_mday,
            months[static_cast<std::size_t>(utc.tm_mon)],
            utc.tm_year + 1900,
            utc.tm_hour,
            utc.tm_min,
            utc.tm_sec
        );
        second_ = second;
    }
    return text_;
}

bool is_header_text(std::string_view text) {
    constexpr auto nowhere = std::string_view::npos;  // three fast searches beat one slow loop
    return text.find('\r') == nowhere && text.find('\n') == nowhere && text.find('\0') == nowhere;
}

void append_number(std::string& out, std::size_t number) {
    std::array<char, 24> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    out.append(digits.data(), end.ptr);
}

bool is_bodiless(int status) {
    return status == 204 || status == 304 || (status >= 100 && status < 200);
}

void append_response_head(
    std::string& out,
    const Response& response,
    Persistence persistence,
    std::string_view date,
    std::string_view request_id
) {
    out.append("HTTP/1.1 "sv);
    append_number(out, static_cast<std::size_t>(response.status));
    out.push_back(' ');
    out.append(reason_phrase(response.status)).append("\r\nDate: "sv).append(date);
    for (const auto& [name, value] : response.headers) {
        if (is_written_by_server(name)) continue;
        if (!is_header_text(name) || !is_header_text(value)) continue;
        out.append("\r\n"sv).append(name).append(": "sv).append(value);
    }
    if (!request_id.empty()) out.append("\r\nX-Request-Id: "sv).append(request_id);
    if (persistence == Persistence::close) {
        out.append("\r\nConnection: close"sv);
    } else if (persistence == Persistence::keep_alive_1_0) {
        out.append("\r\nConnection: keep-alive"sv);
    }
    if (!is_bodiless(response.status)) {
        out.append("\r\nContent-Length: "sv);
        append_number(out, response.body.size());
    }
    out.append("\r\n\r\n"sv);
}

}  // namespace http
