#include "redis/connection.hpp"

#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace redis {

namespace {

namespace asio = net::asio;
using asio::ip::tcp;
using boost::system::error_code;

/// A result that a callback brings and a coroutine waits for no longer than its deadline. Owned by
/// both, so a late callback (the name resolver can't be interrupted) finds it still there.
template <class T>
struct TimedResult {
    explicit TimedResult(const net::Executor& executor) : timer(executor) {}

    void set(T result) {
        value.emplace(std::move(result));
        timer.cancel();
    }

    asio::steady_timer timer;
    std::optional<T> value;
};

template <class T>
net::awaitable<void> wait_by(std::shared_ptr<TimedResult<T>> result, net::Deadline deadline) {
    error_code ignored;
    if (result->value) co_return;
    result->timer.expires_at(deadline);
    co_await result->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

struct Resolved {
    error_code error;
    std::vector<tcp::endpoint> endpoints;
};

net::awaitable<std::vector<tcp::endpoint>> resolve(
    net::Executor executor, Address address, net::Deadline deadline
) {
    error_code not_numeric;
    const auto numeric = asio::ip::make_address(address.host, not_numeric);
    if (!not_numeric) co_return std::vector<tcp::endpoint>{{numeric, address.port}};

    auto result = std::make_shared<TimedResult<Resolved>>(executor);
    auto resolver = std::make_shared<tcp::resolver>(executor);
    auto take = [result, resolver](error_code error, const tcp::resolver::results_type& found) {
        Resolved resolved{error, {}};
        for (const auto& entry : found) resolved.endpoints.push_back(entry.endpoint());
        result->set(std::move(resolved));
    };
    resolver->async_resolve(address.host, std::to_string(address.port), std::move(take));
    co_await wait_by(result, deadline);
    if (!result->value) {
        resolver->cancel();
        throw Error("resolving " + address.host + " took too long", Error::Effect::none);
    }
    if (result->value->error || result->value->endpoints.empty()) {
        const std::string why = result->value->error.message();
        throw Error("can't resolve " + address.host + ": " + why, Error::Effect::none);
    }
    co_return std::move(result->value->endpoints);
}

}  // namespace

/// One command under way. Its timer is both its deadline and what wakes its caller.
struct Connection::Waiting {
    explicit Waiting(const net::Executor& executor) : timer(executor) {}

    void finish() {
        finished = true;
        timer.cancel();
    }

    asio::steady_timer timer;
    std::optional<Reply> reply;
    bool finished = false;
    bool sent = false;
};

Connection::Connection(net::Executor executor, Address address, std::size_t waiting_max)
    : executor_(executor),
      address_(std::move(address)),
      waiting_max_(waiting_max),
      socket_(executor),
      closed_(executor) {}

net::awaitable<std::shared_ptr<Connection>> Connection::open(
    net::Executor executor, Address address, std::size_t waiting_max, net::Deadline deadline
) {
    const std::vector<Endpoint> endpoints = co_await resolve(executor, address, deadline);
    std::string why;
    for (const Endpoint& endpoint : endpoints) {
        std::shared_ptr<Connection> connection(new Connection(executor, address, waiting_max));
        const error_code error = co_await connection->connect(endpoint, deadline);
        if (!error) {
            connection->open_ = true;
            asio::co_spawn(executor, read(connection), [](std::exception_ptr failure) {
                if (failure) std::rethrow_exception(failure);
            });
            co_return connection;
        }
        why = error.message();
    }
    throw Error("can't connect to " + address.to_string() + ": " + why, Error::Effect::none);
}

net::awaitable<error_code> Connection::connect(Endpoint endpoint, net::Deadline deadline) {
    auto result = std::make_shared<TimedResult<error_code>>(executor_);
    auto take = [result, self = shared_from_this()](error_code error) { result->set(error); };
    socket_.async_connect(endpoint, std::move(take));
    co_await wait_by(result, deadline);
    error_code error = result->value.value_or(asio::error::timed_out);
    error_code ignored;
    if (error) {
        socket_.close(ignored);
    } else {
        socket_.set_option(tcp::no_delay(true), error);
    }
    co_return error;
}

net::awaitable<Reply> Connection::exec(Command command, net::Deadline deadline) {
    const auto self = shared_from_this();
    if (!open_) throw Error("not connected", Error::Effect::none);
    if (waiting_.size() >= waiting_max_) {
        throw Error("too many commands under way", Error::Effect::none);
    }
    if (net::SteadyClock::now() >= deadline) {
        throw Error("no time left for a command", Error::Effect::none);
    }

    const auto waiting = std::make_shared<Waiting>(executor_);
    waiting->timer.expires_at(deadline);
    queued_ += encode(command);
    waiting_.push_back(waiting);
    ++unsent_;
    write_queued();

    error_code cancelled;
    co_await waiting->timer.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    if (waiting->reply) co_return std::move(*waiting->reply);

    const auto effect = waiting->sent ? Error::Effect::unknown : Error::Effect::none;
    if (waiting->finished) throw Error(close_reason_, effect);
    if (cancelled) {
        // The caller was cancelled: its reply will be dropped, the connection stays good.
        throw Error("the wait for a reply was cancelled", Error::Effect::unknown);
    }
    close("no reply in time from " + address_.to_string());
    throw Error(close_reason_, effect);
}

void Connection::write_queued() {
    if (!open_ || !being_written_.empty() || queued_.empty()) return;
    std::swap(queued_, being_written_);
    for (std::size_t index = waiting_.size() - unsent_; index < waiting_.size(); ++index) {
        waiting_[index]->sent = true;
    }
    unsent_ = 0;
    auto written = [self = shared_from_this()](error_code error, std::size_t) {
        self->being_written_.clear();
        if (error) {
            self->close("lost the connection to " + self->address_.to_string());
        } else {
            self->write_queued();
        }
    };
    asio::async_write(socket_, asio::buffer(being_written_), std::move(written));
}

net::awaitable<void> Connection::read(std::shared_ptr<Connection> self) {
    while (self->open_) {
        error_code error;
        const std::size_t count = co_await self->socket_.async_read_some(
            asio::buffer(self->input_), asio::redirect_error(asio::use_awaitable, error)
        );
        if (error) {
            self->close("lost the connection to " + self->address_.to_string());
            co_return;
        }
        self->take_replies(std::string_view(self->input_.data(), count));
    }
}

void Connection::take_replies(std::string_view bytes) {
    try {
        reader_.feed(bytes);
        while (std::optional<Reply> reply = reader_.next()) {
            if (waiting_.empty() || !waiting_.front()->sent) {
                throw Error("a reply that nobody asked for", Error::Effect::unknown);
            }
            const auto waiting = std::move(waiting_.front());
            waiting_.pop_front();
            waiting->reply = std::move(reply);
            waiting->finish();
        }
    } catch (const Error& error) {
        close(error.what());
    }
}

void Connection::close(const std::string& reason) {
    if (!open_) return;
    open_ = false;
    close_reason_ = reason;
    error_code ignored;
    socket_.close(ignored);
    for (const auto& waiting : std::exchange(waiting_, {})) waiting->finish();
    unsent_ = 0;
    queued_.clear();
    closed_.cancel();
}

net::awaitable<void> Connection::closed_by(net::Deadline deadline) {
    const auto self = shared_from_this();
    if (!open_) co_return;
    error_code ignored;
    closed_.expires_at(deadline);
    co_await closed_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

}  // namespace redis
