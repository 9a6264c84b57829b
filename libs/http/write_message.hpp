#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "http/message.hpp"

namespace http {

/// "" for a status that has none here.
std::string_view reason_phrase(int status);

/// The Date header's value, made once a second. Owned by one loop.
class DateText {
  public:
    std::string_view now();

  private:
    std::time_t second_ = 0;
    std::string text_;
};

enum class Persistence { keep_alive_1_1, keep_alive_1_0, close };

/// True if the text can stand in a header without ending it.
bool is_header_text(std::string_view text);

/// Appends status line and headers, framing included, up to the empty line. Fields that would break
/// the message, and those that only this function may write, are left out.
void append_response_head(
    std::string& out,
    const Response& response,
    Persistence persistence,
    std::string_view date,
    std::string_view request_id
);

/// Statuses whose responses never have a body.
bool is_bodiless(int status);

/// Appends an unsigned number in decimal.
void append_number(std::string& out, std::size_t number);

}  // namespace http
