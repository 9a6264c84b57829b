#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "payment/domain/charge.hpp"

namespace payment {

/// How long things take in the sandbox, in milliseconds.
struct Timings {
    std::int64_t slow_verdict_ms = 1500;  ///< from a pending answer to the verdict
    std::int64_t webhook_lead_ms = 700;   ///< how far a webhook overtakes the answer
    std::int64_t late_webhook_ms = 3000;  ///< of a charge that was never answered
};

/// Everything a payment method makes the provider do, decided when the charge is entered. The only
/// input is the method: a test of the shop chooses what goes wrong by how it pays.
struct Script {
    ChargeState state = ChargeState::charged;  ///< what the ledger says at once
    std::int64_t settles_after_ms = 0;         ///< of a pending charge: when it becomes charged
    std::int32_t webhook_copies = 0;           ///< how often the event must be taken; 0: none
    std::int64_t webhook_after_ms = 0;
    std::int64_t answer_after_ms = 0;
    bool is_answered = true;  ///< false: the caller waits in vain
};

/// nullopt if the sandbox doesn't know the method.
std::optional<Script> script_of(std::string_view method, const Timings& timings);

/// The known methods, for an answer that says what may be asked.
std::string_view known_methods();

}  // namespace payment
