#include "crowd/connection.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include "base/assertion.hpp"

namespace crowd {
namespace {

using boost::system::error_code;

constexpr std::chrono::milliseconds reconnect_first{10};
constexpr std::chrono::milliseconds reconnect_most{300};

std::int64_t unix_now_us() {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now().time_since_epoch()
    )
        .count();
}

}  // namespace

Connection::Connection(
    const net::Executor& executor, Tcp::endpoint peer, std::size_t index, const Ended& ended
)
    : socket_(executor),
      reconnect_(executor),
      peer_(std::move(peer)),
      index_(index),
      backoff_(reconnect_first, reconnect_most, index),
      ended_(ended) {}

void Connection::open() {
    if (state_ == State::closed) connect();
}

void Connection::send(std::string request, net::Deadline deadline) {
    DOORBUSTER_ASSERT(!busy_);
    busy_ = true;
    sent_ = false;
    deadline_ = deadline;
    outcome_ = Outcome{};
    outcome_.started = net::SteadyClock::now();
    request_ = std::move(request);
    kept_ = state_ == State::open;
    if (kept_) {
        parser_.next();
        write();
    }
    if (state_ == State::closed) connect();
}

void Connection::check_deadline(net::Deadline now) {
    if (!busy_ || now < deadline_) return;
    const bool was_sent = sent_;
    close();
    finish(was_sent ? Outcome::End::timed_out : Outcome::End::no_connection);
}

void Connection::connect() {
    state_ = State::connecting;
    const auto number = ++socket_number_;
    error_code fault;
    socket_.open(peer_.protocol(), fault);
    if (!fault) socket_.set_option(Tcp::no_delay(true), fault);
    if (fault) return connect_failed();
    socket_.async_connect(peer_, [this, number](const error_code& error) {
        if (number != socket_number_) return;
        error ? connect_failed() : connected();
    });
}

void Connection::connected() {
    state_ = State::open;
    ++connects_;
    backoff_.reset();
    parser_.clear();
    if (busy_) write();
    read();
}

void Connection::connect_failed() {
    ++connect_failures_;
    close();
    if (!busy_) return;
    state_ = State::waiting;
    const auto number = socket_number_;
    reconnect_.expires_after(backoff_.next());
    reconnect_.async_wait([this, number](const error_code& error) {
        if (!error && number == socket_number_ && state_ == State::waiting) connect();
    });
}

void Connection::write() {
    sent_ = true;
    outcome_.sent_us = unix_now_us();
    const auto number = socket_number_;
    net::asio::async_write(
        socket_,
        net::asio::buffer(request_),
        [this, number](const error_code& error, std::size_t) {
            // A broken socket is noticed by the read, which may still find an answer first.
            if (error && number == socket_number_) {
                error_code ignored;
                socket_.shutdown(Tcp::socket::shutdown_send, ignored);
            }
        }
    );
}

void Connection::read() {
    const auto number = socket_number_;
    socket_.async_read_some(
        net::asio::buffer(inbox_),
        [this, number](const error_code& error, std::size_t bytes) {
            if (number != socket_number_) return;
            error ? read_failed(error == net::asio::error::eof) : received(bytes);
        }
    );
}

void Connection::received(std::size_t bytes) {
    // Bytes that nobody asked for (a farewell of a server that closes an idle connection).
    if (!busy_ || !sent_) return read_failed(false);
    const auto state = parser_.feed(std::string_view(inbox_.data(), bytes));
    if (state == ResponseParser::State::needs_more) return read();
    if (state == ResponseParser::State::broken) {
        close();
        return finish(Outcome::End::broken_answer);
    }
    if (parser_.keep_alive() && parser_.left_over() == 0) {
        read();
    } else {
        close();
    }
    finish(Outcome::End::answered);
}

void Connection::read_failed(bool orderly) {
    const bool was_sent = busy_ && sent_;
    const bool begun = was_sent && parser_.begun();
    const bool complete = begun && orderly && parser_.feed_end() == ResponseParser::State::complete;
    close();
    if (!was_sent) return;
    if (complete) return finish(Outcome::End::answered);
    if (begun) return finish(Outcome::End::broken_answer);
    finish(kept_ ? Outcome::End::stale : Outcome::End::reset);
}

void Connection::close() {
    ++socket_number_;
    state_ = State::closed;
    reconnect_.cancel();
    error_code ignored;
    socket_.close(ignored);
}

void Connection::finish(Outcome::End end) {
    outcome_.end = end;
    outcome_.ended = net::SteadyClock::now();
    if (end == Outcome::End::answered) {
        outcome_.answered_us = unix_now_us();
        outcome_.response = &parser_;
    }
    busy_ = false;
    ended_(*this, outcome_);
}

}  // namespace crowd
