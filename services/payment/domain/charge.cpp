#include "payment/domain/charge.hpp"

#include <algorithm>
#include <array>

namespace payment {
namespace {

struct StateName {
    ChargeState state;
    std::string_view name;
};
constexpr std::array state_names{
    StateName{ChargeState::pending, "pending"},
    StateName{ChargeState::charged, "charged"},
    StateName{ChargeState::declined, "declined"},
    StateName{ChargeState::voided, "voided"},
    StateName{ChargeState::refunded, "refunded"},
};

constexpr std::size_t key_length_max = 80;
constexpr std::int64_t amount_cents_max = 100'000'000'000;

bool is_capital(char letter) {
    return letter >= 'A' && letter <= 'Z';
}

bool is_of_key(char letter) {
    return is_capital(letter) || (letter >= 'a' && letter <= 'z') ||
           (letter >= '0' && letter <= '9') ||
           std::string_view(":._-").find(letter) != std::string_view::npos;
}

}  // namespace

std::string_view to_string(ChargeState state) {
    return std::ranges::find(state_names, state, &StateName::state)->name;
}

std::optional<ChargeState> parse_state(std::string_view text) {
    const auto* const found = std::ranges::find(state_names, text, &StateName::name);
    if (found == state_names.end()) return std::nullopt;
    return found->state;
}

bool is_same_request(const Charge& charge, const ChargeRequest& request) {
    return charge.amount_cents.value_or(request.amount_cents) == request.amount_cents &&
           charge.currency.value_or(request.currency) == request.currency &&
           charge.method.value_or(request.method) == request.method;
}

std::optional<FieldProblem> find_problem(const ChargeRequest& request) {
    if (!is_key(request.key)) {
        return FieldProblem{"key", "1 to 80 characters of A-Z, a-z, 0-9 and : . _ -"};
    }
    if (request.amount_cents < 0 || request.amount_cents > amount_cents_max) {
        return FieldProblem{"amount_cents", "From 0 to 100000000000."};
    }
    if (request.currency.size() != 3 || !std::ranges::all_of(request.currency, is_capital)) {
        return FieldProblem{"currency", "Three capital letters, as EUR."};
    }
    return std::nullopt;
}

bool is_key(std::string_view text) {
    return !text.empty() && text.size() <= key_length_max && std::ranges::all_of(text, is_of_key);
}

}  // namespace payment
