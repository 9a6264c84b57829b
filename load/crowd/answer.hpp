#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace crowd {

/// What the crowd reads out of an answer of the shop. Fields that are missing, null or of another
/// type are absent: the shop's tests judge its contract, the crowd only needs to go on.
struct Answer {
    std::string order_id;  ///< a UUID in text, or empty
    std::string code;      ///< of a problem document: lower case letters, digits, '_'; or empty
    std::string state;
    std::optional<std::int64_t> quantity;
    std::optional<std::int64_t> unit_price_cents;
    std::optional<std::int64_t> seq;
    std::optional<std::int64_t> pos;
    std::optional<std::int64_t> remaining;
    bool readable = false;  ///< the body was a JSON object
};

Answer read_answer(std::string_view body);

}  // namespace crowd
