#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "crowd/response_parser.hpp"
#include "net/backoff.hpp"
#include "net/net.hpp"

namespace crowd {

/// How one exchange over a connection ended.
struct Outcome {
    enum class End {
        answered,
        timed_out,      ///< sent, no whole answer before the deadline
        no_connection,  ///< never sent: no connection could be made before the deadline
        stale,          ///< a kept connection broke before a byte of the answer came
        reset,          ///< the same on a fresh connection
        broken_answer   ///< the answer began and broke off, or wasn't HTTP
    };

    End end = End::answered;
    net::Deadline started{};  ///< when the exchange was given to the connection
    net::Deadline ended{};
    std::int64_t sent_us = 0;                  ///< Unix microseconds; 0 if nothing was sent
    std::int64_t answered_us = 0;              ///< 0 if there was no whole answer
    const ResponseParser* response = nullptr;  ///< of End::answered; until the next send
};

/// One simulated buyer's keep-alive connection: one exchange at a time, reconnecting with a small
/// backoff for as long as the exchange's deadline allows. Never resends by itself. Lives on one
/// loop and must outlive its running; there is no timer per exchange: the owner calls
/// `check_deadline` of all its connections now and then.
class Connection {
  public:
    using Tcp = net::asio::ip::tcp;
    using Ended = std::function<void(Connection&, const Outcome&)>;

    /// `ended` is called once per send, from the loop. It may call `send` as its last step.
    Connection(
        const net::Executor& executor, Tcp::endpoint peer, std::size_t index, const Ended& ended
    );

    /// Connects ahead of the first exchange; a failure is not reported.
    void open();
    /// The request's bytes, whole. Only when not busy.
    void send(std::string request, net::Deadline deadline);
    void check_deadline(net::Deadline now);

    /// The owner's number for it.
    std::size_t index() const { return index_; }
    bool is_busy() const { return busy_; }
    bool is_open() const { return state_ == State::open; }
    std::uint64_t connects() const { return connects_; }
    std::uint64_t connect_failures() const { return connect_failures_; }

  private:
    enum class State { closed, connecting, waiting, open };

    void connect();
    void connected();
    void connect_failed();
    void write();
    void read();
    void received(std::size_t bytes);
    void read_failed(bool orderly);
    void close();
    void finish(Outcome::End end);

    net::asio::basic_stream_socket<Tcp, net::Executor> socket_;
    net::asio::basic_waitable_timer<
        net::SteadyClock,
        net::asio::wait_traits<net::SteadyClock>,
        net::Executor>
        reconnect_;
    Tcp::endpoint peer_;
    std::size_t index_;
    net::Backoff backoff_;
    const Ended& ended_;

    State state_ = State::closed;
    /// Handlers of a socket that was closed since are told by their number and do nothing.
    std::uint64_t socket_number_ = 0;
    std::uint64_t connects_ = 0;
    std::uint64_t connect_failures_ = 0;

    bool busy_ = false;
    bool sent_ = false;
    bool kept_ = false;  ///< the socket was open before the exchange began
    net::Deadline deadline_{};
    Outcome outcome_;
    std::string request_;
    ResponseParser parser_;
    std::array<char, 4096> inbox_{};
};

}  // namespace crowd
