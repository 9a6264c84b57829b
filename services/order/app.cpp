#include "order/app.hpp"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/random.hpp"
#include "net/event.hpp"
#include "postgres/migrate.hpp"

namespace order {
namespace {

using std::chrono::milliseconds;

// The newest migration this program was built for; a lower schema keeps the room not ready.
constexpr int schema_version_needed = 10;
constexpr milliseconds schema_check_every(1000);
constexpr milliseconds drain_timeout(5000);

LeaseHolder make_self(const Config& config) {
    std::array<std::uint8_t, 16> token{};
    base::secure_random(token);
    return {config.advertised_address, base::to_hex(token)};
}

std::string own_credential(const Config& config) {
    return service::service_authorization(config.service_name, config.service_secret);
}

void rethrow(std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
}

}  // namespace

App::App(service::Context& context, Config config)
    : context_(context),
      config_(std::move(config)),
      pool_(context.executor, config_.database, &context.metrics),
      hot_pool_(context.executor, config_.hot_database, &context.metrics),
      redis_(context.executor, config_.redis, &context.metrics),
      sales_(pool_),
      tallies_(pool_),
      orders_(pool_),
      ordinary_orders_(pool_),
      history_(pool_),
      payment_store_(pool_),
      work_(pool_),
      lease_(redis_, config_.engine.lease.lease_ms),
      peers_(context.executor, own_credential(config_)),
      product_(context.executor, config_.product, own_credential(config_)),
      provider_(context.executor, config_.payment, own_credential(config_), config_.payment_client),
      clock_(sales_),
      metrics_(context.metrics),
      desk_(EngineParts{
          context.executor,
          sales_,
          hot_pool_,
          lease_,
          peers_,
          clock_,
          metrics_,
          make_self(config_),
          config_.engine
      }),
      lookup_(context.executor, orders_, {}),
      checkout_({ordinary_orders_, payment_store_, work_, product_, provider_}, config_.checkout),
      payments_(
          context.executor,
          payment_store_,
          provider_,
          [this](
              base::Uuid order,
              std::int32_t n,
              ChargeVerdict verdict,
              bool settle_now,
              http::TraceContext trace
          ) { return checkout_.deliver(order, n, verdict, settle_now, trace); },
          config_.payments
      ),
      steward_({sales_, work_, desk_, payments_, product_, checkout_}, config_.steward),
      access_(context, config_.access),
      parts_{
          access_,
          config_.callers,
          desk_,
          sales_,
          tallies_,
          orders_,
          lookup_,
          ordinary_orders_,
          history_,
          payments_,
          checkout_,
          steward_,
          clock_,
          ids_,
          config_.webhook_secret
      },
      router_(api::make_router(parts_)) {}

App::~App() = default;

void App::start() {
    redis_.start();
    access_.start();
    net::asio::co_spawn(context_.executor, watch_schema(), rethrow);
    net::asio::co_spawn(context_.executor, clock_.run(), rethrow);
    net::asio::co_spawn(context_.executor, steward_.run_payments(), rethrow);
    net::asio::co_spawn(context_.executor, steward_.run_sales(), rethrow);
    net::asio::co_spawn(context_.executor, steward_.run_settlements(), rethrow);
    net::asio::co_spawn(context_.executor, steward_.run_expiry(), rethrow);
    net::asio::co_spawn(context_.executor, steward_.run_orders(), rethrow);
    net::asio::co_spawn(context_.executor, steward_.run_units(), rethrow);
    net::asio::co_spawn(context_.executor, steward_.run_pruning(), rethrow);
}

std::string App::not_ready_because() const {
    if (schema_version_ >= schema_version_needed) return {};
    return fmt::format(
        "schema orders is at version {}, {} is needed: run `doorbuster migrate`",
        schema_version_,
        schema_version_needed
    );
}

net::awaitable<void> App::stop() {
    co_await desk_.drain(net::deadline_in(drain_timeout));
    redis_.stop();
}

net::awaitable<void> App::watch_schema() {
    while (schema_version_ < schema_version_needed) {
        try {
            schema_version_ = co_await postgres::schema_version(
                pool_, "orders", net::deadline_in(schema_check_every)
            );
        } catch (const base::NeighbourError&) {
            // Not ready until the database answered once.
        }
        if (schema_version_ < schema_version_needed) co_await net::sleep_for(schema_check_every);
    }
}

}  // namespace order
