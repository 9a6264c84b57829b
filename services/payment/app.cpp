#include "payment/app.hpp"

#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>

#include "base/timestamp.hpp"
#include "net/event.hpp"
#include "payment/api/routes.hpp"
#include "postgres/migrate.hpp"

namespace payment {
namespace {

using std::chrono::milliseconds;

// The newest migration this program was built for; a lower schema keeps the room not ready.
constexpr int schema_version_needed = 4;
constexpr milliseconds schema_check_every(1000);

void rethrow(std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
}

}  // namespace

App::App(service::Context& context, Config config)
    : context_(context),
      config_(std::move(config)),
      pool_(context.executor, config_.database, &context.metrics),
      ledger_(pool_),
      outbox_(pool_),
      batches_(context.executor, ledger_, config_.charges),
      webhooks_(
          context.executor,
          config_.order,
          config_.webhook_secret,
          static_cast<std::size_t>(config_.courier.batch_max)
      ),
      courier_(
          {context.executor, ledger_, outbox_, webhooks_},
          context.metrics,
          config_.courier,
          static_cast<std::uint64_t>(base::unix_now_ms())
      ),
      parts_{config_.callers, ledger_, batches_, config_.timings, ids_},
      router_(api::make_router(parts_)) {}

App::~App() = default;

void App::start() {
    net::asio::co_spawn(context_.executor, work(), rethrow);
}

std::string App::not_ready_because() const {
    if (schema_version_ >= schema_version_needed) return {};
    return fmt::format(
        "schema sandbox is at version {}, {} is needed: run `doorbuster migrate`",
        schema_version_,
        schema_version_needed
    );
}

net::awaitable<void> App::stop() {
    stopping_ = true;
    courier_.stop();
    pool_.close();
    co_return;
}

net::awaitable<void> App::work() {
    while (!stopping_ && schema_version_ < schema_version_needed) {
        try {
            schema_version_ = co_await postgres::schema_version(
                pool_, "sandbox", net::deadline_in(schema_check_every)
            );
        } catch (const base::NeighbourError&) {
            // Not ready until the database answered once.
        }
        if (schema_version_ < schema_version_needed) co_await net::sleep_for(schema_check_every);
    }
    co_await courier_.run();
}

}  // namespace payment
