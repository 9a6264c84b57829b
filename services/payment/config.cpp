#include "payment/config.hpp"

namespace payment {
namespace {

constexpr std::size_t webhook_secret_bytes_min = 32;

void read_charges(base::Environment& environment, ChargeLimits& charges) {
    charges.queue_max = static_cast<std::size_t>(environment.integer_or(
        "CHARGE_QUEUE_MAX", 8192, 1, 1'000'000, "charges that may wait to be entered"
    ));
    charges.batch_max = static_cast<std::size_t>(
        environment.integer_or("CHARGE_BATCH_MAX", 256, 1, 4096, "charges per transaction")
    );
    charges.timeout_ms = environment.integer_or(
        "CHARGE_TIMEOUT_MS", 1500, 100, 60000, "after it a transaction's outcome is unknown"
    );
}

void read_courier(base::Environment& environment, CourierLimits& courier) {
    courier.tick_ms = environment.integer_or(
        "WEBHOOK_TICK_MS", 100, 10, 60000, "between looks at webhooks that are due"
    );
    courier.batch_max = static_cast<int>(
        environment.integer_or("WEBHOOK_BATCH_MAX", 32, 1, 1024, "webhooks under way at once")
    );
    courier.delivery_timeout_ms = environment.integer_or(
        "WEBHOOK_TIMEOUT_MS", 2000, 100, 60000, "how long order may take for one"
    );
    // Nobody else sends it before this pod has given up on it and said so.
    courier.claim_ms = 2 * courier.delivery_timeout_ms + courier.store_timeout_ms;
    courier.kept_ms =
        std::int64_t{24} * 3600 * 1000 *
        environment.integer_or(
            "WEBHOOKS_KEPT_DAYS", 7, 1, 3650, "how long webhooks stay on record that were taken"
        );
    courier.retry.first_ms = environment.integer_or(
        "WEBHOOK_RETRY_FIRST_MS", 500, 10, 600000, "before a webhook is sent again; doubles"
    );
    courier.retry.most_ms = environment.integer_or(
        "WEBHOOK_RETRY_MOST_MS", 60000, 10, 3600000, "the most that wait becomes"
    );
    courier.retry.attempts_max = static_cast<int>(
        environment.integer_or("WEBHOOK_ATTEMPTS_MAX", 20, 1, 1000, "then a webhook is given up")
    );
}

void read_timings(base::Environment& environment, Timings& timings) {
    timings.slow_verdict_ms = environment.integer_or(
        "SLOW_VERDICT_MS", 1500, 0, 600000, "how long sandbox:slow stays pending"
    );
    timings.webhook_lead_ms = environment.integer_or(
        "WEBHOOK_LEAD_MS", 700, 0, 60000, "how long sandbox:webhook-first keeps its answer back"
    );
    timings.late_webhook_ms = environment.integer_or(
        "LATE_WEBHOOK_MS", 3000, 0, 600000, "when sandbox:silent tells by webhook"
    );
}

}  // namespace

Config Config::read(base::Environment& environment) {
    Config config;
    config.database.url =
        environment.secret("DATABASE_URL", 1, "postgresql://user:password@host:port/database");
    config.database.application_name = "payment";
    config.database.connections_max = static_cast<std::size_t>(
        environment.integer_or("DATABASE_CONNECTIONS_MAX", 4, 1, 64, "connections to PostgreSQL")
    );
    config.callers = service::ServiceCallers::read(environment);
    const std::string order =
        environment.text("ORDER_ORIGIN", "where order takes webhooks: host:port");
    if (const auto origin = http::Origin::parse(order)) {
        config.order = *origin;
    } else if (!order.empty()) {
        environment.problem("ORDER_ORIGIN", "is not an address: " + order, "Write host:port.");
    }
    config.webhook_secret = environment.secret(
        "WEBHOOK_SECRET", webhook_secret_bytes_min, "signs webhooks; order has the same"
    );
    read_charges(environment, config.charges);
    read_courier(environment, config.courier);
    read_timings(environment, config.timings);
    return config;
}

}  // namespace payment
