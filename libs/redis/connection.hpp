#pragma once

#include <array>
#include <deque>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "redis/client.hpp"
#include "redis/codec.hpp"

namespace redis {

/// One TCP connection to one Redis or sentinel, commands pipelined in order; what queues while a
/// write is under way goes out as one write. Lives until closed: its owner must close it. Once
/// closed it stays closed and every command under way has failed.
class Connection : public std::enable_shared_from_this<Connection> {
  public:
    /// Resolves and connects; throws Error (Effect::none).
    static net::awaitable<std::shared_ptr<Connection>> open(
        net::Executor executor, Address address, std::size_t waiting_max, net::Deadline deadline
    );

    /// Throws Error; closes the connection when no answer came by `deadline`.
    net::awaitable<Reply> exec(Command command, net::Deadline deadline);

    void close(const std::string& reason);
    bool is_open() const { return open_; }
    const Address& address() const { return address_; }
    const std::string& close_reason() const { return close_reason_; }

    /// Returns when closed or at `deadline`. One waiter at a time.
    net::awaitable<void> closed_by(net::Deadline deadline);

  private:
    struct Waiting;
    using Endpoint = net::asio::ip::tcp::endpoint;

    Connection(net::Executor executor, Address address, std::size_t waiting_max);
    net::awaitable<boost::system::error_code> connect(Endpoint endpoint, net::Deadline deadline);
    void write_queued();
    static net::awaitable<void> read(std::shared_ptr<Connection> self);
    void take_replies(std::string_view bytes);

    net::Executor executor_;
    Address address_;
    std::size_t waiting_max_;
    net::asio::ip::tcp::socket socket_;
    net::asio::steady_timer closed_;
    ReplyReader reader_;
    std::array<char, 16 * 1024> input_;
    std::string queued_;  ///< encoded, waits for the write under way
    std::string being_written_;
    std::deque<std::shared_ptr<Waiting>> waiting_;  ///< in the order of their replies
    std::size_t unsent_ = 0;                        ///< of waiting_, at its end: still in queued_
    std::string close_reason_;
    bool open_ = false;
};

}  // namespace redis
