#include "product/app.hpp"

#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>

#include "logging/logging.hpp"
#include "net/event.hpp"
#include "postgres/migrate.hpp"
#include "product/api/routes.hpp"

namespace product {
namespace {

using std::chrono::milliseconds;

// The newest migration this program was built for; a lower schema keeps the room not ready.
constexpr int schema_version_needed = 9;
constexpr milliseconds schema_check_every(1000);
constexpr milliseconds expiry_every(500);
constexpr milliseconds expiry_timeout(5000);
// Bounds how long one transaction holds rows that orders wait for.
constexpr std::int64_t expiry_batch_max = 50;

void rethrow(std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
}

}  // namespace

App::App(service::Context& context, Config config)
    : context_(context),
      config_(std::move(config)),
      pool_(context.executor, config_.database, &context.metrics),
      catalogue_(pool_),
      stock_(pool_),
      access_(context, config_.access),
      cursors_(config_.cursor_key),
      pages_(context.executor, {milliseconds(config_.pages_kept_ms), config_.pages_bytes_max}),
      categories_(
          context.executor, {milliseconds(config_.categories_kept_ms), config_.pages_bytes_max}
      ),
      parts_{access_, config_.callers, catalogue_, stock_, ids_, cursors_, pages_, categories_},
      router_(api::make_router(parts_)) {}

App::~App() = default;

void App::start() {
    access_.start();
    net::asio::co_spawn(context_.executor, watch_schema(), rethrow);
    net::asio::co_spawn(context_.executor, expire_reservations(), rethrow);
}

std::string App::not_ready_because() const {
    if (schema_version_ >= schema_version_needed) return {};
    return fmt::format(
        "schema product is at version {}, {} is needed: run `doorbuster migrate`",
        schema_version_,
        schema_version_needed
    );
}

net::awaitable<void> App::stop() {
    stopping_ = true;
    pool_.close();
    co_return;
}

net::awaitable<void> App::watch_schema() {
    while (!stopping_ && schema_version_ < schema_version_needed) {
        try {
            schema_version_ = co_await postgres::schema_version(
                pool_, "product", net::deadline_in(schema_check_every)
            );
        } catch (const base::NeighbourError&) {
            // Not ready until the database answered once.
        }
        if (schema_version_ < schema_version_needed) co_await net::sleep_for(schema_check_every);
    }
}

/// Gives back what ran out. Settling looks at the clock itself, so being late here only keeps
/// units from other customers a little longer.
net::awaitable<void> App::expire_reservations() {
    bool failing = false;
    while (!stopping_) {
        std::int64_t released = 0;
        std::string failure;
        try {
            if (schema_version_ >= schema_version_needed) {
                released =
                    co_await stock_.expire_due(expiry_batch_max, net::deadline_in(expiry_timeout));
            }
        } catch (const base::NeighbourError& error) {
            failure = error.what();
        }
        if (!failure.empty() && !failing) {
            logging::warning("reservations can't be expired now", {{"why", failure}});
        }
        failing = !failure.empty();
        if (released < expiry_batch_max) co_await net::sleep_for(expiry_every);
    }
}

}  // namespace product
