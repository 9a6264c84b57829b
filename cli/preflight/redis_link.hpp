#pragma once

#include <memory>
#include <string>

#include "cli/preflight/redis_judgement.hpp"
#include "net/net.hpp"
#include "redis/connection.hpp"

namespace cli::preflight {

/// A connection to one Redis or sentinel, closed with this object.
class RedisLink {
  public:
    RedisLink() = default;
    explicit RedisLink(std::shared_ptr<redis::Connection> connection)
        : connection_(std::move(connection)) {}
    RedisLink(RedisLink&& other) noexcept = default;
    RedisLink& operator=(RedisLink&& other) noexcept;
    ~RedisLink();

    /// With a password it authenticates first. Throws redis::Error.
    static net::awaitable<RedisLink> open(
        redis::Address address, std::string password, net::Deadline deadline
    );

    /// Throws redis::Error also for an error reply.
    net::awaitable<redis::Reply> ask(redis::Command command, net::Deadline deadline);
    /// An error reply is data here.
    net::awaitable<redis::Reply> exec(redis::Command command, net::Deadline deadline);
    net::awaitable<Info> info(std::string section, net::Deadline deadline);

  private:
    void close();

    std::shared_ptr<redis::Connection> connection_;
};

}  // namespace cli::preflight
