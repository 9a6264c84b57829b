#include "payment/store/charge_ledger.hpp"

#include "base/assertion.hpp"

namespace payment {
namespace {

constexpr postgres::Statement charge_statement{
    "sandbox_charge",
    R"(SELECT entered, state, amount_cents, currency, method, created_at, changed_at
       FROM sandbox.charge_v1($1, $2, $3, $4, $5, $6, $7, $8, $9))"
};

constexpr postgres::Statement find_statement{
    "sandbox_find",
    R"(SELECT state, amount_cents, currency, method, created_at, changed_at
       FROM sandbox.charge_find_v1($1))"
};

constexpr postgres::Statement void_statement{
    "sandbox_void",
    R"(SELECT state, amount_cents, currency, method, created_at, changed_at
       FROM sandbox.void_v1($1))"
};

constexpr postgres::Statement refund_statement{
    "sandbox_refund",
    R"(SELECT state, amount_cents, currency, method, created_at, changed_at
       FROM sandbox.refund_v1($1))"
};

constexpr postgres::Statement settle_statement{
    "sandbox_settle", "SELECT sandbox.settle_due_v1($1)"
};

/// The columns from `first` on.
Charge read_charge(const postgres::Result& result, std::size_t row, int first) {
    const auto state = parse_state(result.text(row, first));
    DOORBUSTER_ASSERT(state.has_value());
    return {
        .state = *state,
        .amount_cents = result.optional_integer(row, first + 1),
        .currency = result.optional_text(row, first + 2),
        .method = result.optional_text(row, first + 3),
        .created_at_ms = result.timestamp_ms(row, first + 4),
        .changed_at_ms = result.timestamp_ms(row, first + 5)
    };
}

net::awaitable<std::optional<Charge>> ask(
    postgres::Pool& pool, postgres::Statement statement, std::string key, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.text(key);
    const auto result = co_await pool.query(statement, parameters, deadline);
    if (result.empty()) co_return std::nullopt;
    co_return read_charge(result, 0, 0);
}

}  // namespace

net::awaitable<std::vector<ChargeLedger::Entered>> ChargeLedger::charge(
    const std::vector<NewCharge>& charges, net::Deadline deadline
) {
    std::vector<std::string> keys;
    std::vector<std::int64_t> amounts;
    std::vector<std::string> currencies;
    std::vector<std::string> methods;
    std::vector<std::string> states;
    std::vector<std::int64_t> settle_ms;
    std::vector<base::Uuid> events;
    std::vector<std::int32_t> copies;
    std::vector<std::int64_t> webhook_ms;
    for (const NewCharge& charge : charges) {
        keys.push_back(charge.request.key);
        amounts.push_back(charge.request.amount_cents);
        currencies.push_back(charge.request.currency);
        methods.push_back(charge.request.method);
        states.emplace_back(to_string(charge.script.state));
        settle_ms.push_back(charge.script.settles_after_ms);
        events.push_back(charge.event_id);
        copies.push_back(charge.script.webhook_copies);
        webhook_ms.push_back(charge.script.webhook_after_ms);
    }
    postgres::Parameters parameters;
    parameters.text_array(keys)
        .int8_array(amounts)
        .text_array(currencies)
        .text_array(methods)
        .text_array(states)
        .int8_array(settle_ms)
        .uuid_array(events)
        .int4_array(copies)
        .int8_array(webhook_ms);
    const auto rows = co_await pool_.query(charge_statement, parameters, deadline);
    DOORBUSTER_ASSERT(rows.rows() == charges.size());
    std::vector<Entered> entered;
    entered.reserve(rows.rows());
    for (std::size_t row = 0; row < rows.rows(); ++row) {
        entered.push_back({rows.boolean(row, 0), read_charge(rows, row, 1)});
    }
    co_return entered;
}

net::awaitable<std::optional<Charge>> ChargeLedger::find(std::string key, net::Deadline deadline) {
    co_return co_await ask(pool_, find_statement, std::move(key), deadline);
}

net::awaitable<Charge> ChargeLedger::void_charge(std::string key, net::Deadline deadline) {
    const auto charge = co_await ask(pool_, void_statement, std::move(key), deadline);
    DOORBUSTER_ASSERT(charge.has_value());
    co_return *charge;
}

net::awaitable<std::optional<Charge>> ChargeLedger::refund(
    std::string key, net::Deadline deadline
) {
    co_return co_await ask(pool_, refund_statement, std::move(key), deadline);
}

net::awaitable<std::int64_t> ChargeLedger::settle_due(int limit, net::Deadline deadline) {
    postgres::Parameters parameters;
    parameters.int4(limit);
    const auto result = co_await pool_.query(settle_statement, parameters, deadline);
    co_return result.integer(0, 0);
}

}  // namespace payment
