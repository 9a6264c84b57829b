#include "order/config.hpp"

#include <algorithm>

namespace order {
namespace {

constexpr std::size_t webhook_secret_bytes_min = 32;

http::Origin read_origin(
    base::Environment& environment, const std::string& name, const std::string& meaning
) {
    const std::string text = environment.text(name, meaning);
    const auto origin = http::Origin::parse(text);
    if (origin) return *origin;
    if (!text.empty()) {
        environment.problem(name, "is not an address: " + text, "Write host:port.");
    }
    return {};
}

void read_payment(base::Environment& environment, Config& config) {
    config.payment =
        read_origin(environment, "PAYMENT_ORIGIN", "where the payment provider is: host:port");
    config.payment_client.timeout_ms = environment.integer_or(
        "PAYMENT_TIMEOUT_MS", 2000, 50, 60000, "after it a charge's outcome is unknown"
    );
    config.payment_client.connections_max = static_cast<std::size_t>(environment.integer_or(
        "PAYMENT_CONNECTIONS_MAX", 256, 1, 4096, "connections to the payment provider"
    ));
    config.webhook_secret = environment.secret(
        "WEBHOOK_SECRET",
        webhook_secret_bytes_min,
        "events are signed with it; payment has the same"
    );
    config.payments.paying_ms = environment.integer_or(
        "PAYING_MS", 5000, 500, 600000, "how long a payment may stay undecided"
    );
    config.checkout.paying_ms = config.payments.paying_ms;
}

void read_databases(base::Environment& environment, Config& config) {
    config.database.url =
        environment.text("DATABASE_URL", "postgresql://user:password@host:port/database");
    config.database.application_name = "order";
    config.database.connections_max = static_cast<std::size_t>(environment.integer_or(
        "DATABASE_CONNECTIONS_MAX", 4, 1, 64, "connections for all but the hot path"
    ));
    config.hot_database = config.database;
    config.hot_database.application_name = "order-sale";
    config.hot_database.connections_max = static_cast<std::size_t>(environment.integer_or(
        "SALE_CONNECTIONS_MAX", 8, 1, 64, "connections of the hot path: one per running sale"
    ));
    config.hot_database.statement_timeout_ms = config.engine.batch_timeout_ms;
    config.hot_database.lock_timeout_ms = config.engine.batch_timeout_ms / 2;
}

void read_limits(base::Environment& environment, Config& config) {
    EngineLimits& engine = config.engine;
    engine.queue_max = static_cast<std::size_t>(environment.integer_or(
        "SALE_QUEUE_MAX", 8192, 1, 1'000'000, "purchases that may wait for one sale"
    ));
    engine.batch_max = static_cast<std::size_t>(
        environment.integer_or("SALE_BATCH_MAX", 256, 1, 4096, "purchases per transaction")
    );
    // A forwarded batch is one of the holder's, or it would wait there for several.
    engine.forward_max = std::min(engine.forward_max, engine.batch_max);
    engine.wait_max_ms = environment.integer_or(
        "SALE_WAIT_MAX_MS",
        500,
        1,
        60000,
        "who would wait longer for their turn is told busy at once; 150 less than "
        "SALE_FORWARD_TIMEOUT_MS"
    );
    engine.batch_interval_min_ms = environment.integer_or(
        "SALE_BATCH_INTERVAL_MIN_MS",
        0,
        0,
        100,
        "transactions of a sale begin so far apart under load; a buyer alone never waits for it"
    );
    engine.peek_interval_min_ms = environment.integer_or(
        "SALE_SNAPSHOT_INTERVAL_MIN_MS",
        5,
        0,
        100,
        "so are snapshots, which refuse while nothing is left; the first one never waits"
    );
    engine.batch_timeout_ms = environment.integer_or(
        "SALE_BATCH_TIMEOUT_MS", 1500, 100, 60000, "after it a transaction's outcome is unknown"
    );
    engine.forward_timeout_ms = environment.integer_or(
        "SALE_FORWARD_TIMEOUT_MS", 800, 200, 60000, "how long the lease's holder may take"
    );
    if (engine.wait_max_ms + forward_margin.count() > engine.forward_timeout_ms) {
        environment.problem(
            "SALE_WAIT_MAX_MS",
            "is not 150 less than SALE_FORWARD_TIMEOUT_MS",
            "Raise that, or lower this: who waits at the holder is given up after it"
        );
    }
    engine.lease.lease_ms = environment.integer_or(
        "SALE_LEASE_MS", 3000, 500, 60000, "how long the Redis lock lasts unless renewed"
    );
    engine.lease.renew_ms = engine.lease.lease_ms / 3;
}

void read_basket_limits(base::Environment& environment, Config& config) {
    CheckoutLimits& checkout = config.checkout;
    BasketLimits& basket = checkout.basket;
    basket.lines_max =
        environment.integer_or("ORDER_LINES_MAX", 50, 1, 100, "products in one ordinary order");
    basket.quantity_max = environment.integer_or(
        "ORDER_QUANTITY_MAX", 1000, 1, 1'000'000, "units of one product in one ordinary order"
    );
    basket.open_orders_max = environment.integer_or(
        "ORDER_OPEN_MAX", 20, 1, 1000, "unpaid ordinary orders that one customer may have"
    );
    basket.hold_ms = environment.integer_or(
        "ORDER_HOLD_MS", 900'000, 1000, 86'400'000, "how long an unpaid order keeps its units"
    );
    checkout.in_flight_max = environment.integer_or(
        "ORDER_IN_FLIGHT_MAX",
        64,
        1,
        65536,
        "ordinary orders that a pod places at once, and as many that it pays at once"
    );
    checkout.placing_ms = environment.integer_or(
        "ORDER_PLACING_MS", 30'000, 1000, 600'000, "how long product may leave an order unanswered"
    );
}

void read_retention(base::Environment& environment, WorkStore::Retention& retention) {
    constexpr std::int64_t day_ms = std::int64_t{24} * 3600 * 1000;
    retention.keys_ms = day_ms * environment.integer_or(
                                     "ORDER_KEYS_KEPT_DAYS",
                                     40,
                                     32,
                                     3650,
                                     "how long pay and cancel know an Idempotency-Key, longer than "
                                     "a sale may last (31 days);"
                                     " placing knows it as long as the order"
                                 );
    retention.releases_ms =
        day_ms * environment.integer_or(
                     "ORDER_RELEASES_KEPT_DAYS",
                     7,
                     1,
                     3650,
                     "how long it stays on record that product let go of an order's units"
                 );
}

}  // namespace

Config Config::read(base::Environment& environment) {
    Config config;
    read_limits(environment, config);
    read_basket_limits(environment, config);
    read_retention(environment, config.steward.retention);
    read_databases(environment, config);
    config.redis = redis::Settings::read(environment);
    config.access = service::AccessSettings::read(environment);
    config.callers = service::ServiceCallers::read(environment);
    config.product = read_origin(environment, "PRODUCT_ORIGIN", "where product is: host:port");
    read_payment(environment, config);
    config.service_name =
        environment.text_or("SERVICE_NAME", "order", "this room's name to other rooms");
    config.service_secret =
        environment.secret("SERVICE_SECRET", 16, "this room's credential for other rooms");
    config.advertised_address =
        environment.text("ADVERTISED_ADDRESS", "host:port where other order pods reach this one");
    return config;
}

}  // namespace order
