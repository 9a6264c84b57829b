#include "redis/client.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <unordered_map>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <openssl/evp.h>

#include "base/assertion.hpp"
#include "base/encoding.hpp"
#include "base/random.hpp"
#include "logging/logging.hpp"
#include "net/backoff.hpp"
#include "net/event.hpp"
#include "redis/connection.hpp"
#include "redis/discovery.hpp"

namespace redis {

namespace {

using std::chrono::milliseconds;

bool means_unusable_master(const Reply& reply) {
    constexpr std::array<std::string_view, 4> codes{
        "READONLY", "MASTERDOWN", "NOREPLICAS", "LOADING"
    };
    if (!reply.is_error()) return false;
    const std::string_view code = std::string_view(reply.text).substr(0, reply.text.find(' '));
    return std::ranges::find(codes, code) != codes.end();
}

/// The name under which Redis keeps a script.
std::string sha1_hex(std::string_view text) {
    std::array<std::uint8_t, 20> digest{};
    unsigned int length = 0;
    const int done =
        EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha1(), nullptr);
    DOORBUSTER_ASSERT(done == 1 && length == digest.size());
    return base::to_hex(digest);
}

std::uint64_t random_seed() {
    std::array<std::uint8_t, sizeof(std::uint64_t)> bytes{};
    base::secure_random(bytes);
    std::uint64_t seed = 0;
    std::memcpy(&seed, bytes.data(), bytes.size());
    return seed;
}

}  // namespace

/// What the background work and the commands under way share; lives until the last of them ended.
class Client::Core {
  public:
    Core(net::Executor executor, const Settings& settings, metrics::Registry* metrics);

    static void start(std::shared_ptr<Core> self);
    void stop();
    bool is_connected() const { return connection_ && connection_->is_open(); }
    std::optional<Address> master() const;

    static net::awaitable<bool> connected_by(std::shared_ptr<Core> self, net::Deadline deadline);
    static net::awaitable<Reply> exec(
        std::shared_ptr<Core> self, Command command, net::Deadline deadline
    );
    static net::awaitable<Reply> eval(
        std::shared_ptr<Core> self, std::string_view script, Command rest, net::Deadline deadline
    );

  private:
    using ConnectionPointer = std::shared_ptr<Connection>;

    struct Counters {
        explicit Counters(metrics::Registry& registry);

        prometheus::Gauge& connected;
        prometheus::Counter& reconnects;
        prometheus::Counter& answered;
        prometheus::Counter& error_replies;
        prometheus::Counter& refused;
        prometheus::Counter& unknown;
    };

    static net::awaitable<void> run(std::shared_ptr<Core> self);
    net::awaitable<ConnectionPointer> find_master();
    void adopt(const ConnectionPointer& connection);
    void forget();
    net::awaitable<ConnectionPointer> watch(ConnectionPointer connection);
    net::awaitable<void> check_role(ConnectionPointer connection);
    net::awaitable<void> pause(milliseconds time);
    net::awaitable<Reply> exec_checked(Command command, net::Deadline deadline);
    const std::string& script_name(std::string_view script);

    net::Executor executor_;
    Settings settings_;
    Discovery discovery_;
    net::Backoff backoff_;
    net::Event changed_;
    net::asio::steady_timer pause_;
    std::optional<Counters> counters_;
    ConnectionPointer connection_;
    /// By the script's text; scripts are constants of the program, so this is bounded.
    std::unordered_map<std::string_view, std::string> script_names_;
    std::string failure_logged_;
    bool started_ = false;
    bool stopped_ = false;
    bool was_connected_ = false;
};

Client::Core::Counters::Counters(metrics::Registry& registry)
    : connected(registry.gauge("doorbuster_redis_connected", "1 while a master is connected")),
      reconnects(registry.counter(
          "doorbuster_redis_reconnects_total", "Connections to a master made after the first"
      )),
      answered(registry.counter(
          "doorbuster_redis_commands_total", "Commands by outcome", {{"outcome", "answered"}}
      )),
      error_replies(registry.counter(
          "doorbuster_redis_commands_total", "Commands by outcome", {{"outcome", "error_reply"}}
      )),
      refused(registry.counter(
          "doorbuster_redis_commands_total", "Commands by outcome", {{"outcome", "refused"}}
      )),
      unknown(registry.counter(
          "doorbuster_redis_commands_total", "Commands by outcome", {{"outcome", "unknown"}}
      )) {}

Client::Core::Core(net::Executor executor, const Settings& settings, metrics::Registry* metrics)
    : executor_(executor),
      settings_(settings),
      discovery_(executor, settings),
      backoff_(
          milliseconds(settings.reconnect_first_ms),
          milliseconds(settings.reconnect_most_ms),
          random_seed()
      ),
      changed_(executor),
      pause_(executor) {
    if (metrics) counters_.emplace(*metrics);
}

void Client::Core::start(std::shared_ptr<Core> self) {
    if (self->started_ || self->stopped_) return;
    self->started_ = true;
    net::asio::co_spawn(self->executor_, run(self), [](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
    });
}

void Client::Core::stop() {
    stopped_ = true;
    if (connection_) connection_->close("the client was stopped");
    discovery_.close();
    pause_.cancel();
    changed_.notify();
}

std::optional<Address> Client::Core::master() const {
    if (!is_connected()) return std::nullopt;
    return connection_->address();
}

net::awaitable<void> Client::Core::run(std::shared_ptr<Core> self) {
    ConnectionPointer connection;
    while (!self->stopped_) {
        if (!connection) connection = co_await self->find_master();
        if (connection && self->stopped_) connection->close("the client was stopped");
        if (self->stopped_) break;
        if (connection) {
            self->adopt(connection);
            connection = co_await self->watch(connection);
            self->forget();
        }
        if (!connection) co_await self->pause(self->backoff_.next());
    }
    if (connection) connection->close("the client was stopped");
    self->discovery_.close();
}

/// nullptr if there is none now.
net::awaitable<Client::Core::ConnectionPointer> Client::Core::find_master() {
    try {
        ConnectionPointer found = co_await discovery_.connect_to_master();
        co_return found;
    } catch (const Error& error) {
        // Tried several times a second: only news is logged.
        if (failure_logged_ != error.what()) {
            failure_logged_ = error.what();
            logging::warning("redis is away", {{"reason", failure_logged_}});
        }
    }
    co_return nullptr;
}

void Client::Core::adopt(const ConnectionPointer& connection) {
    connection_ = connection;
    failure_logged_.clear();
    if (counters_) {
        counters_->connected.Set(1);
        if (was_connected_) counters_->reconnects.Increment();
    }
    was_connected_ = true;
    logging::info("redis is connected", {{"master", connection->address().to_string()}});
    changed_.notify();
}

void Client::Core::forget() {
    if (!stopped_) {
        logging::warning("redis connection ended", {{"reason", connection_->close_reason()}});
    }
    connection_.reset();
    if (counters_) counters_->connected.Set(0);
}

/// Returns when the connection is closed, with a connection to the next master if it is known.
net::awaitable<Client::Core::ConnectionPointer> Client::Core::watch(ConnectionPointer connection) {
    const milliseconds interval(settings_.health_interval_ms);
    while (connection->is_open()) {
        co_await connection->closed_by(net::deadline_in(interval));
        if (!connection->is_open()) break;
        co_await check_role(connection);
        if (!connection->is_open()) break;
        backoff_.reset();
        ConnectionPointer successor = co_await discovery_.find_successor(connection->address());
        if (!successor) continue;
        connection->close("the sentinels name another master");
        co_return successor;
    }
    co_return nullptr;
}

/// ROLE instead of PING: the same cost, and it also sees a master that was demoted.
net::awaitable<void> Client::Core::check_role(ConnectionPointer connection) {
    const auto until = net::deadline_in(milliseconds(settings_.health_timeout_ms));
    try {
        Command command{"ROLE"};
        const Reply reply = co_await connection->exec(std::move(command), until);
        const bool is_master = reply.kind == Reply::Kind::array && !reply.elements.empty() &&
                               reply.elements[0].text == "master";
        if (!is_master) connection->close("no longer a master");
    } catch (const Error&) {
        // Either closed by the deadline, which the caller sees, or as busy as it may be.
    }
}

net::awaitable<void> Client::Core::pause(milliseconds time) {
    if (stopped_) co_return;
    boost::system::error_code ignored;
    pause_.expires_after(time);
    co_await pause_.async_wait(net::asio::redirect_error(net::asio::use_awaitable, ignored));
}

net::awaitable<bool> Client::Core::connected_by(
    std::shared_ptr<Core> self, net::Deadline deadline
) {
    while (!self->is_connected() && !self->stopped_) {
        const bool notified = co_await self->changed_.wait_until(deadline);
        if (!notified) break;
    }
    co_return self->is_connected();
}

net::awaitable<Reply> Client::Core::exec(
    std::shared_ptr<Core> self, Command command, net::Deadline deadline
) {
    try {
        Reply reply = co_await self->exec_checked(std::move(command), deadline);
        if (self->counters_) {
            auto& counters = *self->counters_;
            (reply.is_error() ? counters.error_replies : counters.answered).Increment();
        }
        co_return reply;
    } catch (const Error& error) {
        if (self->counters_) {
            auto& counters = *self->counters_;
            const bool refused = error.effect() == Error::Effect::none;
            (refused ? counters.refused : counters.unknown).Increment();
        }
        throw;
    }
}

net::awaitable<Reply> Client::Core::exec_checked(Command command, net::Deadline deadline) {
    const ConnectionPointer connection = connection_;
    if (!connection) throw Error("not connected", Error::Effect::none);
    Reply reply = co_await connection->exec(std::move(command), deadline);
    if (means_unusable_master(reply)) {
        const std::string why = connection->address().to_string() + " refused: " + reply.text;
        connection->close(why);
        throw Error(why, Error::Effect::none);
    }
    co_return reply;
}

net::awaitable<Reply> Client::Core::eval(
    std::shared_ptr<Core> self, std::string_view script, Command rest, net::Deadline deadline
) {
    Command by_name{"EVALSHA", self->script_name(script)};
    by_name.insert(by_name.end(), rest.begin(), rest.end());
    Reply reply = co_await exec(self, std::move(by_name), deadline);
    if (!reply.is_error() || !reply.text.starts_with("NOSCRIPT")) co_return reply;

    Command by_text{"EVAL", std::string(script)};
    by_text.insert(by_text.end(), rest.begin(), rest.end());
    reply = co_await exec(self, std::move(by_text), deadline);
    co_return reply;
}

const std::string& Client::Core::script_name(std::string_view script) {
    const auto known = script_names_.find(script);
    if (known != script_names_.end()) return known->second;
    return script_names_.emplace(script, sha1_hex(script)).first->second;
}

Client::Client(net::Executor executor, Settings settings, metrics::Registry* metrics)
    : core_(std::make_shared<Core>(std::move(executor), settings, metrics)) {}

Client::~Client() {
    core_->stop();
}

void Client::start() {
    Core::start(core_);
}

void Client::stop() {
    core_->stop();
}

bool Client::is_connected() const {
    return core_->is_connected();
}

net::awaitable<bool> Client::connected_by(net::Deadline deadline) {
    return Core::connected_by(core_, deadline);
}

std::optional<Address> Client::master() const {
    return core_->master();
}

net::awaitable<Reply> Client::exec(Command command, net::Deadline deadline) {
    return Core::exec(core_, std::move(command), deadline);
}

net::awaitable<Reply> Client::eval(
    std::string_view script,
    std::vector<std::string> keys,
    std::vector<std::string> arguments,
    net::Deadline deadline
) {
    Command rest{std::to_string(keys.size())};
    std::ranges::move(keys, std::back_inserter(rest));
    std::ranges::move(arguments, std::back_inserter(rest));
    return Core::eval(core_, script, std::move(rest), deadline);
}

}  // namespace redis
