#include "payment/store/webhook_outbox.hpp"

namespace payment {
namespace {

constexpr postgres::Statement claim_statement{
    "sandbox_claim_webhooks",
    R"(SELECT event_id, provider_key, state, amount_cents, currency, created_at, attempts
       FROM sandbox.webhooks_claim_v1($1, $2))"
};

constexpr postgres::Statement close_statement{
    "sandbox_close_webhooks", "SELECT sandbox.webhooks_close_v1($1, $2, $3) IS NULL"
};

constexpr postgres::Statement prune_statement{
    "sandbox_prune_webhooks", "SELECT sandbox.webhooks_prune_v1($1, $2)"
};

}  // namespace

net::awaitable<std::vector<Event>> WebhookOutbox::claim(
    int limit, std::int64_t claim_ms, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.int4(limit).int8(claim_ms);
    const auto rows = co_await pool_.query(claim_statement, parameters, deadline);
    std::vector<Event> events;
    events.reserve(rows.rows());
    for (std::size_t row = 0; row < rows.rows(); ++row) {
        events.push_back(
            {.id = rows.uuid(row, 0),
             .key = std::string(rows.text(row, 1)),
             .state = std::string(rows.text(row, 2)),
             .amount_cents = rows.integer(row, 3),
             .currency = std::string(rows.text(row, 4)),
             .created_at_ms = rows.timestamp_ms(row, 5),
             .attempts = static_cast<int>(rows.integer(row, 6))}
        );
    }
    co_return events;
}

net::awaitable<void> WebhookOutbox::close(
    const std::vector<Outcome>& outcomes, net::Deadline deadline
) {
    std::vector<base::Uuid> events;
    std::vector<std::int32_t> kinds;
    std::vector<std::int64_t> waits;
    for (const Outcome& outcome : outcomes) {
        events.push_back(outcome.event_id);
        kinds.push_back(static_cast<std::int32_t>(outcome.verdict.kind));
        waits.push_back(outcome.verdict.retry_ms);
    }
    postgres::Parameters parameters;
    parameters.uuid_array(events).int4_array(kinds).int8_array(waits);
    co_await pool_.query(close_statement, parameters, deadline);
}

net::awaitable<std::int64_t> WebhookOutbox::prune(
    int limit, std::int64_t kept_ms, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.int4(limit).int8(kept_ms);
    const auto row = co_await pool_.query(prune_statement, parameters, deadline);
    co_return row.integer(0, 0);
}

}  // namespace payment
