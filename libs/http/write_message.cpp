#include "http/write_message.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

namespace http {

namespace {

constexpr std::array<std::string_view, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> months{
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
};

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
    switch (status) {
        case 100:
            return "Continue";
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 202:
            return "Accepted";
        case 204:
            return "No Content";
        case 301:
            return "Moved Permanently";
        case 302:
            return "Found";
        case 303:
            return "See Other";
        case 304:
            return "Not Modified";
        case 307:
            return "Temporary Redirect";
        case 308:
            return "Permanent Redirect";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 402:
            return "Payment Required";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 406:
            return "Not Acceptable";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 410:
            return "Gone";
        case 412:
            return "Precondition Failed";
        case 413:
            return "Content Too Large";
        case 415:
            return "Unsupported Media Type";
        case 422:
            return "Unprocessable Content";
        case 428:
            return "Precondition Required";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        default:
            return "";
    }
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
    return std::ranges::none_of(text, [](char letter) {
        return letter == '\r' || letter == '\n' || letter == '\0';
    });
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
    out.append("HTTP/1.1 ");
    append_number(out, static_cast<std::size_t>(response.status));
    out.push_back(' ');
    out.append(reason_phrase(response.status)).append("\r\nDate: ").append(date);
    for (const auto& [name, value] : response.headers) {
        if (is_written_by_server(name)) continue;
        if (!is_header_text(name) || !is_header_text(value)) continue;
        out.append("\r\n").append(name).append(": ").append(value);
    }
    if (!request_id.empty()) out.append("\r\nX-Request-Id: ").append(request_id);
    if (persistence == Persistence::close) {
        out.append("\r\nConnection: close");
    } else if (persistence == Persistence::keep_alive_1_0) {
        out.append("\r\nConnection: keep-alive");
    }
    if (!is_bodiless(response.status)) {
        out.append("\r\nContent-Length: ");
        append_number(out, response.body.size());
    }
    out.append("\r\n\r\n");
}

}  // namespace http
