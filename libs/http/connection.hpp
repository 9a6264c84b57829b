#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>

#include "http/server_core.hpp"
#include "net/watchdog.hpp"

namespace http {

/// What one connection holds of a sum over all of them; gives it back however the connection ends.
class Share {
  public:
    explicit Share(std::size_t& sum) : sum_(sum) {}
    ~Share() { hold(0); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    void hold(std::size_t bytes) {
        sum_ += bytes - bytes_;  // modulo 2^64: also downwards
        bytes_ = bytes;
    }
    std::size_t bytes() const { return bytes_; }

  private:
    std::size_t& sum_;
    std::size_t bytes_ = 0;
};

/// The life of one connection: from its first byte through request after request to its end. One
/// coroutine, serve(), owns it; the server closes it early by its pointer in Core::connections.
class Server::Connection {
  public:
    Connection(std::shared_ptr<Server::Core> core, Tcp::socket socket, std::string address);
    ~Connection() {
        if (work_) core_->give_back(std::move(work_));
        core_->left(this);
    }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    static net::awaitable<void> serve(std::shared_ptr<Connection> self);
    void close();
    /// Unless a request is under way, or has arrived and was not read yet. A connection that never
    /// asked is given first_request_time instead.
    void close_if_idle();
    const std::string& address() const { return address_; }

  private:
    enum class Phase { idle, head, body, busy };
    enum class Writing { done, blocked, failed };

    /// What an idle connection reads into: most requests at once, so that they cost one read, and
    /// little enough to have ten thousand of it.
    static constexpr std::size_t first_bytes_max = 1024;

    RequestReader::Progress advance();
    bool prepare_to_read();
    void begin_idling();
    void expired();
    void begin_work(std::size_t bytes);
    void begin_answering(bool refused);
    void forget_request();
    bool is_kept(bool refused);
    bool is_too_much();
    Writing write(Response response, bool keep);
    void keep_unsent(std::size_t sent, Response& response, bool is_apart);
    static net::awaitable<bool> write_rest(std::shared_ptr<Connection> self);
    static net::awaitable<void> linger(std::shared_ptr<Connection> self);

    std::shared_ptr<Server::Core> core_;
    Tcp::socket socket_;
    net::Watchdog watchdog_;
    std::string address_;
    std::string unsent_;           ///< of an answer; empty unless the peer is slow to read
    std::size_t unsent_from_ = 0;  ///< what is before it was sent
    Share unsent_share_;
    Share received_share_;
    std::unique_ptr<Work> work_;  ///< null while idle
    std::array<char, first_bytes_max> first_bytes_;
    Phase phase_ = Phase::busy;
    net::Deadline phase_ends_;   ///< of idle, head and body
    std::size_t pipelined_ = 0;  ///< requests since the connection was last silent
    bool has_asked_ = false;
};

}  // namespace http
