#include "payment/domain/script.hpp"

namespace payment {

std::optional<Script> script_of(std::string_view method, const Timings& timings) {
    Script script;
    if (method == "sandbox:approve") return script;
    if (method == "sandbox:decline") {
        script.state = ChargeState::declined;
        return script;
    }
    script.webhook_copies = 1;
    if (method == "sandbox:slow") {
        script.state = ChargeState::pending;
        script.settles_after_ms = timings.slow_verdict_ms;
        script.webhook_after_ms = timings.slow_verdict_ms;
        return script;
    }
    if (method == "sandbox:webhook-first") {
        script.answer_after_ms = timings.webhook_lead_ms;
        return script;
    }
    if (method == "sandbox:duplicate") {
        script.webhook_copies = 2;
        return script;
    }
    if (method == "sandbox:silent") {
        script.webhook_after_ms = timings.late_webhook_ms;
        script.is_answered = false;
        return script;
    }
    return std::nullopt;
}

std::string_view known_methods() {
    return "sandbox:approve, sandbox:decline, sandbox:slow, sandbox:webhook-first, "
           "sandbox:duplicate, sandbox:silent";
}

}  // namespace payment
