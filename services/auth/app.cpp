#include "auth/app.hpp"

#include <utility>

#include <boost/asio/co_spawn.hpp>

#include "auth/api/routes.hpp"
#include "logging/logging.hpp"
#include "net/event.hpp"
#include "postgres/migrate.hpp"

namespace auth {
namespace {

using std::chrono::milliseconds;

// The newest migration this program was built for; a lower schema keeps the room not ready.
constexpr int schema_version_needed = 3;
constexpr milliseconds schema_check_every(1000);
constexpr milliseconds tidy_up_every(600'000);
constexpr milliseconds tidy_up_timeout(5000);
constexpr std::int64_t dropped_at_once_max = 1000;

void rethrow(std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
}

}  // namespace

App::App(service::Context& context, Config config, password::Cost cost)
    : context_(context),
      pool_(context.executor, config.database, &context.metrics),
      accounts_(pool_),
      sessions_(pool_),
      attempts_(pool_),
      known_networks_(pool_),
      attempt_rules_(config.trusted_proxies, config.attempts),
      hasher_(context.executor, cost, config.hashing),
      tokens_(std::move(config.keys), config.lifetimes),
      access_(context, config.verifier, tokens_.jwks()),
      key_files_(std::move(config.key_files)),
      key_files_checked_(config.key_files_checked_ms),
      parts_{
          accounts_,
          sessions_,
          attempts_,
          known_networks_,
          attempt_rules_,
          hasher_,
          access_,
          tokens_,
          ids_,
          context.metrics
      },
      router_(api::make_router(parts_)),
      stopping_(context.executor) {}

App::~App() = default;

void App::start() {
    net::asio::co_spawn(context_.executor, watch_schema(), rethrow);
    net::asio::co_spawn(context_.executor, tidy_up(), rethrow);
    if (key_files_) net::asio::co_spawn(context_.executor, watch_keys(), rethrow);
}

std::string App::not_ready_because() const {
    if (schema_version_ >= schema_version_needed) return {};
    return "schema auth is at version " + std::to_string(schema_version_) + ", " +
           std::to_string(schema_version_needed) + " is needed: run `doorbuster migrate`";
}

net::awaitable<void> App::stop() {
    is_stopped_ = true;
    stopping_.notify();
    pool_.close();
    co_return;
}

net::awaitable<void> App::watch_schema() {
    while (!is_stopped_ && schema_version_ < schema_version_needed) {
        try {
            const int version = co_await postgres::schema_version(
                pool_, "auth", net::deadline_in(schema_check_every)
            );
            if (version >= schema_version_needed) co_await look_at_place_secret();
            schema_version_ = version;
        } catch (const base::NeighbourError&) {
            // Not ready until the database answered once.
        }
        if (is_stopped_ || schema_version_ >= schema_version_needed) co_return;
        co_await stopping_.wait_until(net::deadline_in(schema_check_every));
    }
}

net::awaitable<void> App::look_at_place_secret() {
    const bool is_there = co_await accounts_.has_place_secret(net::deadline_in(schema_check_every));
    if (is_there) co_return;
    logging::error(
        "auth.place_secret has lost its row: no device and no network is known, so guesses hold "
        "owners up; restore it, or make another as migration 0003 does"
    );
}

net::awaitable<void> App::watch_keys() {
    while (!is_stopped_) {
        look_at_keys();
        co_await stopping_.wait_until(net::deadline_in(key_files_checked_));
    }
}

void App::look_at_keys() {
    auto read = key_files_->read_if_changed();
    const std::string trouble = read ? std::string() : read.error();
    if (trouble != keys_trouble_ && !trouble.empty()) {
        logging::error("the signing keys can't be read, the last ones stay", {{"why", trouble}});
    }
    keys_trouble_ = trouble;
    if (!read || !*read || !tokens_.use(std::move(**read))) return;
    access_.use_keys(tokens_.jwks());
    logging::info(
        "the signing keys have changed",
        {{"signs", tokens_.signing_kid()}, {"published", tokens_.keys()}}
    );
}

/// As much as there is, or the tables would grow whenever more comes in than a bound lets out.
net::awaitable<void> App::drop_all(Drop drop) {
    std::int64_t dropped = dropped_at_once_max;
    while (!is_stopped_ && dropped == dropped_at_once_max) {
        dropped = co_await drop(dropped_at_once_max, net::deadline_in(tidy_up_timeout));
    }
}

net::awaitable<void> App::drop_what_is_over() {
    const Drop sessions = [this](std::int64_t limit, net::Deadline deadline) {
        return sessions_.drop_ended(limit, deadline);
    };
    const Drop attempts = [this](std::int64_t limit, net::Deadline deadline) {
        return attempts_.drop_old(limit, deadline);
    };
    const Drop networks = [this](std::int64_t limit, net::Deadline deadline) {
        return known_networks_.drop_old(limit, deadline);
    };
    co_await drop_all(sessions);
    co_await drop_all(attempts);
    co_await drop_all(networks);
}

net::awaitable<void> App::tidy_up() {
    while (!is_stopped_) {
        co_await stopping_.wait_until(net::deadline_in(tidy_up_every));
        if (is_stopped_) co_return;
        try {
            co_await drop_what_is_over();
        } catch (const base::NeighbourError& error) {
            logging::warning("what is over was not dropped", {{"why", error.what()}});
        }
    }
}

}  // namespace auth
