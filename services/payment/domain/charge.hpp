#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace payment {

/// Where a charge stands; the names are stored and sent. pending -> charged | voided and
/// charged -> refunded; declined, voided and refunded are final.
enum class ChargeState { pending, charged, declined, voided, refunded };

std::string_view to_string(ChargeState state);
std::optional<ChargeState> parse_state(std::string_view text);

/// What a caller asks for. `key` is the caller's name for it: asked twice it is charged once.
struct ChargeRequest {
    std::string key;
    std::int64_t amount_cents = 0;
    std::string currency;
    std::string method;
};

/// A charge as the ledger has it.
struct Charge {
    ChargeState state = ChargeState::declined;
    std::optional<std::int64_t> amount_cents;  ///< not known of a void before its charge
    std::optional<std::string> currency;
    std::optional<std::string> method;
    std::int64_t created_at_ms = 0;
    std::int64_t changed_at_ms = 0;
};

/// False if the key belongs to another request: what the ledger knows of the charge differs.
bool is_same_request(const Charge& charge, const ChargeRequest& request);

struct FieldProblem {
    std::string field;
    std::string detail;  ///< how to fix it
};

/// The first thing wrong with a request, apart from its method.
std::optional<FieldProblem> find_problem(const ChargeRequest& request);

/// 1 to 80 characters of [A-Za-z0-9:._-].
bool is_key(std::string_view text);

}  // namespace payment
