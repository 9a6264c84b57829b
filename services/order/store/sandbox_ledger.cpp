#include "order/store/sandbox_ledger.hpp"

#include <unordered_map>

#include <fmt/format.h>

#include "base/assertion.hpp"

namespace order {
namespace {

// Rows are written in the order of their keys, so that two calls never wait in a circle. The first
// entry of a key decides: DO UPDATE without a change returns the row that is there.
constexpr postgres::Statement charge_statement{
    "sandbox_charge",
    R"(INSERT INTO sandbox.charges AS c (provider_key, amount_cents, currency, state)
       SELECT r.key, r.amount, r.currency, r.state
       FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[])
           AS r (key, amount, currency, state)
       ORDER BY r.key
       ON CONFLICT (provider_key) DO UPDATE SET state = c.state
       RETURNING c.provider_key, c.state = 'charged')"
};

constexpr postgres::Statement void_statement{
    "sandbox_void",
    R"(INSERT INTO sandbox.charges AS c (provider_key, amount_cents, currency, state)
       SELECT r.key, r.amount, r.currency, 'voided'
       FROM unnest($1::text[], $2::bigint[], $3::text[]) AS r (key, amount, currency)
       ORDER BY r.key
       ON CONFLICT (provider_key) DO UPDATE SET state = 'voided', changed_at = clock_timestamp()
       WHERE c.state = 'charged')"
};

constexpr postgres::Statement refund_statement{
    "sandbox_refund",
    R"(UPDATE sandbox.charges c SET state = 'refunded', changed_at = clock_timestamp()
       FROM (SELECT provider_key FROM sandbox.charges
             WHERE provider_key = ANY ($1) AND state = 'charged'
             ORDER BY provider_key FOR UPDATE) due
       WHERE c.provider_key = due.provider_key)"
};

std::string key_of(const PaymentAttempt& attempt) {
    return fmt::format("{}:{}", attempt.order_id.to_string(), attempt.n);
}

}  // namespace

net::awaitable<std::vector<ChargeVerdict>> SandboxLedger::charge(
    const std::vector<Charge>& charges, net::Deadline deadline
) {
    std::vector<std::string> keys;
    std::vector<std::int64_t> amounts;
    std::vector<std::string> currencies;
    std::vector<std::string> states;
    for (const Charge& charge : charges) {
        keys.push_back(key_of(charge.attempt));
        amounts.push_back(charge.attempt.amount_cents);
        currencies.push_back(charge.attempt.currency);
        states.emplace_back(charge.approve ? "charged" : "declined");
    }
    postgres::Parameters parameters;
    parameters.text_array(keys).int8_array(amounts).text_array(currencies).text_array(states);
    const auto rows = co_await pool_.query(charge_statement, parameters, deadline);
    std::unordered_map<std::string_view, ChargeVerdict> verdicts;
    for (std::size_t row = 0; row < rows.rows(); ++row) {
        const bool charged = rows.boolean(row, 1);
        verdicts[rows.text(row, 0)] = charged ? ChargeVerdict::approved : ChargeVerdict::declined;
    }
    std::vector<ChargeVerdict> answers;
    answers.reserve(keys.size());
    for (const std::string& key : keys) {
        const auto verdict = verdicts.find(key);
        DOORBUSTER_ASSERT(verdict != verdicts.end());
        answers.push_back(verdict->second);
    }
    co_return answers;
}

net::awaitable<void> SandboxLedger::void_all(
    const std::vector<PaymentAttempt>& attempts, net::Deadline deadline
) {
    std::vector<std::string> keys;
    std::vector<std::int64_t> amounts;
    std::vector<std::string> currencies;
    for (const PaymentAttempt& attempt : attempts) {
        keys.push_back(key_of(attempt));
        amounts.push_back(attempt.amount_cents);
        currencies.push_back(attempt.currency);
    }
    postgres::Parameters parameters;
    parameters.text_array(keys).int8_array(amounts).text_array(currencies);
    co_await pool_.query(void_statement, parameters, deadline);
}

net::awaitable<void> SandboxLedger::refund_all(
    const std::vector<PaymentAttempt>& attempts, net::Deadline deadline
) {
    std::vector<std::string> keys;
    for (const PaymentAttempt& attempt : attempts) keys.push_back(key_of(attempt));
    postgres::Parameters parameters;
    parameters.text_array(keys);
    co_await pool_.query(refund_statement, parameters, deadline);
}

}  // namespace order
