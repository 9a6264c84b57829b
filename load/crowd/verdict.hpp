#pragma once

#include <string_view>

#include "crowd/answer.hpp"

namespace crowd {

/// What an answer means for a buyer.
enum class Verdict {
    done,     ///< bought, paid, cancelled
    refused,  ///< final for this buyer: sold out, sale over, limit reached, declined, expired
    not_now,  ///< the same request may succeed later
    lost,     ///< nobody knows: ask again with the same key
    faulty    ///< the request itself is wrong; asking again is pointless
};

Verdict judge_take(int status, const Answer& answer);
/// For pay and cancel.
Verdict judge_order_change(int status, const Answer& answer);

/// True for refusals because all units are sold or held.
bool lacks_units(std::string_view code);

/// True for refusals after which no unit of this sale can ever be had.
bool ends_the_sale(std::string_view code);

}  // namespace crowd
