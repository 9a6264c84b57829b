#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/neighbour_error.hpp"
#include "metrics/metrics.hpp"
#include "net/net.hpp"

namespace base {
class Environment;
}

namespace redis {

struct Address {
    std::string host;
    std::uint16_t port = 6379;

    static std::optional<Address> parse(std::string_view text);  ///< "host:port"
    std::string to_string() const;
    auto operator<=>(const Address&) const = default;
};

struct Settings {
    std::vector<Address>
        sentinels;  ///< asked in turn; the one that answered is asked first next time
    std::string master_name = "doorbuster";
    std::optional<Address> fallback;  ///< used when no sentinel answers; ROLE is verified always
    std::string password;             ///< of Redis; empty: no AUTH
    std::string sentinel_password;
    std::int64_t connect_timeout_ms = 500;
    std::int64_t sentinel_timeout_ms = 300;
    std::int64_t reconnect_first_ms = 20;
    std::int64_t reconnect_most_ms = 500;
    std::int64_t health_interval_ms = 500;  ///< how often a connection and the master are checked
    std::int64_t health_timeout_ms = 1000;  ///< a connection silent for so long is dropped
    std::size_t waiting_max = 8192;         ///< commands under way; beyond it Error at once

    /// What to do with a password that anyone would guess: a room refuses to start with it, a
    /// judge of the whole shop wants to see it.
    enum class PoorPasswords { refused, kept };

    /// Reads REDIS_SENTINELS, REDIS_MASTER_NAME, REDIS_FALLBACK, REDIS_PASSWORD and
    /// REDIS_SENTINEL_PASSWORD, the same for every program; problems are collected in
    /// `environment`. Times and limits stay as they are.
    static Settings read(
        base::Environment& environment, PoorPasswords poor = PoorPasswords::refused
    );
};

/// No answer, or no master. Effect::unknown if the command was sent.
class Error : public base::NeighbourError {
  public:
    Error(const std::string& what, Effect effect) : NeighbourError("redis", what, effect) {}
};

/// A reply as data. An error reply of Redis to one command is data too (Kind::error), except
/// READONLY, MASTERDOWN, NOREPLICAS and LOADING, which mean "this is not a usable master": they
/// throw Error and make the client find the master anew.
struct Reply {
    enum class Kind { nil, integer, text, status, error, array };
    Kind kind = Kind::nil;
    std::int64_t integer = 0;
    std::string text;  ///< text, status, error
    std::vector<Reply> elements;

    bool is_nil() const { return kind == Kind::nil; }
    bool is_error() const { return kind == Kind::error; }
};

using Command = std::vector<std::string>;

/// A client of the current master: one connection, commands pipelined in order. Finds the master
/// through the sentinels on every connect (several asked, ROLE verified), reconnects with backoff
/// in the background, and while not connected fails commands at once rather than queue them.
class Client {
  public:
    Client(net::Executor executor, Settings settings, metrics::Registry* metrics);
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    /// Starts connecting in the background; never throws because Redis is away.
    void start();
    void stop();

    bool is_connected() const;
    /// Waits until connected; false when the deadline came first.
    net::awaitable<bool> connected_by(net::Deadline deadline);
    /// The master in use, while connected.
    std::optional<Address> master() const;

    /// Throws Error; past `deadline` the connection is dropped and made anew (a reply that comes
    /// later must not be taken for another command's).
    net::awaitable<Reply> exec(Command command, net::Deadline deadline);

    /// EVALSHA with EVAL on NOSCRIPT. `script` must outlive the client (a constant).
    net::awaitable<Reply> eval(
        std::string_view script,
        std::vector<std::string> keys,
        std::vector<std::string> arguments,
        net::Deadline deadline
    );

  private:
    class Core;
    std::shared_ptr<Core> core_;
};

}  // namespace redis
