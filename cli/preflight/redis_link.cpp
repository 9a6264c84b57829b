#include "cli/preflight/redis_link.hpp"

#include <utility>

namespace cli::preflight {
namespace {

constexpr std::size_t commands_max = 16;

}  // namespace

RedisLink& RedisLink::operator=(RedisLink&& other) noexcept {
    close();
    connection_ = std::exchange(other.connection_, nullptr);
    return *this;
}

RedisLink::~RedisLink() {
    close();
}

void RedisLink::close() {
    if (connection_) connection_->close("preflight has seen enough");
}

net::awaitable<RedisLink> RedisLink::open(
    redis::Address address, std::string password, net::Deadline deadline
) {
    const net::Executor executor = co_await net::asio::this_coro::executor;
    auto connection = co_await redis::Connection::open(executor, address, commands_max, deadline);
    RedisLink link(std::move(connection));
    if (!password.empty()) {
        redis::Command command{"AUTH", std::move(password)};
        co_await link.ask(std::move(command), deadline);
    }
    co_return std::move(link);
}

net::awaitable<redis::Reply> RedisLink::exec(redis::Command command, net::Deadline deadline) {
    redis::Reply reply = co_await connection_->exec(std::move(command), deadline);
    co_return reply;
}

net::awaitable<redis::Reply> RedisLink::ask(redis::Command command, net::Deadline deadline) {
    redis::Reply reply = co_await connection_->exec(std::move(command), deadline);
    if (reply.is_error()) {
        throw redis::Error(
            connection_->address().to_string() + ": " + reply.text, redis::Error::Effect::none
        );
    }
    co_return reply;
}

net::awaitable<Info> RedisLink::info(std::string section, net::Deadline deadline) {
    redis::Command command{"INFO", std::move(section)};
    const redis::Reply reply = co_await ask(std::move(command), deadline);
    co_return parse_info(reply.text);
}

}  // namespace cli::preflight
