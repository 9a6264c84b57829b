#include "crowd/verdict.hpp"

namespace crowd {

bool lacks_units(std::string_view code) {
    return code == "none_left_now" || code == "not_enough" || code == "sold_out";
}

bool ends_the_sale(std::string_view code) {
    return code == "sold_out" || code == "sale_over";
}

Verdict judge_take(int status, const Answer& answer) {
    if (status == 200 || status == 201) {
        // Without a readable order the buyer can't pay; the same key tells it again.
        return answer.order_id.empty() ? Verdict::lost : Verdict::done;
    }
    if (status == 429 || status == 503) return Verdict::not_now;
    if (status >= 500) return Verdict::lost;
    if (status == 409) {
        const std::string_view code = answer.code;
        const bool later =
            code == "none_left_now" || code == "not_started" || code == "paused" || code == "busy";
        return later ? Verdict::not_now : Verdict::refused;
    }
    return Verdict::faulty;
}

Verdict judge_order_change(int status, const Answer&) {
    if (status == 200) return Verdict::done;
    if (status == 202 || status == 429 || status == 503) return Verdict::not_now;
    if (status == 402 || status == 409) return Verdict::refused;
    if (status >= 500) return Verdict::lost;
    return Verdict::faulty;
}

}  // namespace crowd
