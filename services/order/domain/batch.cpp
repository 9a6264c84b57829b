#include "order/domain/batch.hpp"

namespace order {

std::string_view to_string(TakeOutcome outcome) {
    switch (outcome) {
        case TakeOutcome::bought:
            return "bought";
        case TakeOutcome::known:
            return "known";
        case TakeOutcome::key_reused:
            return "key_reused";
        case TakeOutcome::sold_out:
            return "sold_out";
        case TakeOutcome::sale_over:
            return "sale_over";
        case TakeOutcome::none_left_now:
            return "none_left_now";
        case TakeOutcome::not_enough:
            return "not_enough";
        case TakeOutcome::limit_reached:
            return "limit_reached";
        case TakeOutcome::paused:
            return "paused";
        case TakeOutcome::not_started:
            return "not_started";
        case TakeOutcome::late:
            return "late";
        case TakeOutcome::deferred:
            return "deferred";
    }
    return "unknown";
}

}  // namespace order
