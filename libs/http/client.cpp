#include "http/client.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <expected>
#include <list>
#include <optional>
#include <sys/socket.h>
#include <unordered_set>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "base/whole_number.hpp"
#include "http/parse_message.hpp"
#include "http/write_message.hpp"
#include "net/one_shot.hpp"
#include "net/watchdog.hpp"

namespace http {

namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;
using Stage = TransportError::Stage;
using std::chrono::milliseconds;
using std::string_view_literals::operator""sv;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t first_capacity = 4096;
constexpr std::size_t response_head_bytes_max = 64 * 1024;
constexpr std::size_t scratch_bytes_kept = 64 * 1024;

struct Failure {
    Stage stage = Stage::exchange;
    bool timed_out = false;
    bool stale = false;  ///< a pooled connection turned out to be closed
    std::string what = {};
};

using Outcome = std::expected<Response, Failure>;

bool is_repeatable(const OutgoingRequest& request) {
    return request.method == "GET" || request.method == "HEAD" ||
           request.headers.get("Idempotency-Key").has_value();
}

bool takes_no_body(std::string_view method) {
    return method == "GET" || method == "HEAD" || method == "DELETE" || method == "OPTIONS";
}

void append_request(std::string& out, const OutgoingRequest& request, std::string_view host) {
    out.append(request.method).append(" "sv).append(request.target).append(" HTTP/1.1\r\nHost: "sv);
    out.append(host);
    for (const auto& [name, value] : request.headers) {
        if (!is_header_text(name) || !is_header_text(value)) continue;
        out.append("\r\n"sv).append(name).append(": "sv).append(value);
    }
    if (request.time_told) {
        out.append("\r\nX-Deadline-Ms: "sv);
        append_number(out, static_cast<std::size_t>(request.time_told->count()));
    }
    out.append("\r\ntraceparent: "sv);
    (request.trace ? *request.trace : TraceContext::make()).append_next_hop(out);
    if (!request.body.empty() || !takes_no_body(request.method)) {
        out.append("\r\nContent-Length: "sv);
        append_number(out, request.body.size());
    }
    out.append("\r\n\r\n"sv).append(request.body);
}

}  // namespace

std::optional<Origin> Origin::parse(std::string_view text) {
    constexpr std::string_view scheme = "http://";
    if (text.starts_with(scheme)) text.remove_prefix(scheme.size());
    if (text.ends_with('/')) text.remove_suffix(1);
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    const auto port_text = text.substr(colon + 1);
    const auto port = base::whole_number<std::uint16_t>(port_text);
    if (!port || *port == 0) return std::nullopt;
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return std::nullopt;
    }
    const bool has_stranger = std::ranges::any_of(host, [](char letter) {
        return letter <= ' ' || letter == '/' || letter == '@' || letter == '?' || letter == '#';
    });
    if (host.empty() || has_stranger) return std::nullopt;
    return Origin{std::string(host), *port};
}

std::string Origin::to_string() const {
    const bool is_ipv6 = host.find(':') != std::string::npos;
    return (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

TransportError::TransportError(
    const Origin& origin, Stage stage, bool timed_out, const std::string& what
)
    : base::NeighbourError(
          origin.to_string(),
          what,
          stage == Stage::queue || stage == Stage::connect ? Effect::none : Effect::unknown
      ),
      stage_(stage),
      timed_out_(timed_out) {}

/// All on one loop. Each caller without a connection waits in `waiting_`; at most one connection is
/// being opened for each, apart from the callers' own coroutines, so that a slow resolver can't
/// hold a caller past its deadline.
class Client::Core : public std::enable_shared_from_this<Core> {
  public:
    using ConnectionPointer = std::shared_ptr<Connection>;

    Core(net::Executor loop, Origin to, ClientLimits client_limits)
        : executor(loop), origin(std::move(to)), limits(client_limits) {
        host_ = origin.to_string();
    }

    static net::awaitable<Response> send(
        std::shared_ptr<Core> self, const OutgoingRequest& request, net::Deadline deadline
    );
    void give_back(const ConnectionPointer& connection);
    void closed(Connection* connection);
    void shut_down();
    std::size_t total() const { return open_.size() + opening_; }
    std::size_t waiting() const { return waiting_.size(); }

    net::Executor executor;
    Origin origin;
    ClientLimits limits;

  private:
    struct Waiter;
    using Waiters = std::list<Waiter*>;
    struct Waiter {
        Waiter(const net::Executor& executor, net::Deadline deadline, bool wants_fresh)
            : timer(executor, deadline), fresh(wants_fresh) {}

        asio::steady_timer timer;
        bool fresh;  ///< wants a connection that was never used
        bool listed = false;
        Waiters::iterator place = {};
        ConnectionPointer connection = nullptr;
        std::optional<Failure> failure = std::nullopt;
    };
    /// One connection being opened; shared by its coroutine and its timer.
    struct Opening {
        Opening(const net::Executor& executor, milliseconds timeout)
            : timer(executor, timeout), resolver(executor), socket(executor) {}

        asio::steady_timer timer;
        Tcp::resolver resolver;
        Tcp::socket socket;
        bool over = false;
    };

    void begin(
        Connection& connection,
        const OutgoingRequest& request,
        net::Deadline deadline,
        const net::OneShot<Outcome>& done
    );
    ConnectionPointer take_idle(bool repeatable);
    static net::awaitable<ConnectionPointer> wait_for_connection(
        std::shared_ptr<Core> self, net::Deadline deadline, bool fresh
    );
    Failure give_up(const Waiter& waiter) const;
    void open_what_is_missing();
    static net::awaitable<void> open(std::shared_ptr<Core> self, std::shared_ptr<Opening> opening);
    void opening_failed(const std::shared_ptr<Opening>& opening, bool timed_out, std::string what);
    void opened(const std::shared_ptr<Opening>& opening);
    void enlist(Waiter& waiter);
    void strike_off(Waiter& waiter);
    Waiter* next_waiter(bool for_fresh);
    [[noreturn]] void fail(const Failure& failure) const;

    std::string host_;
    std::string scratch_;  ///< requests are serialised here; what can't be sent at once moves on
    std::unordered_set<Connection*> open_;
    std::vector<ConnectionPointer> idle_;
    Waiters waiting_;
    std::size_t fresh_waiting_ = 0;
    std::size_t opening_ = 0;
    bool gone_ = false;
};

/// A connection always has one read pending: what arrives while it is idle (the peer's end of
/// stream, usually) closes it at once, so that a request rarely meets a dead connection.
class Client::Connection : public std::enable_shared_from_this<Connection> {
  public:
    Connection(std::shared_ptr<Client::Core> core, Tcp::socket socket)
        : core_(std::move(core)),
          socket_(std::move(socket)),
          watchdog_(core_->executor, [this] { expired(); }),
          buffer_(first_capacity) {}
    ~Connection() {
        core_->closed(this);
        if (done_) done_->abandon();
    }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void read();
    void begin(
        std::string_view text, bool is_head, net::Deadline deadline, net::OneShot<Outcome> done
    );
    void rest(net::Deadline until) {
        was_pooled_ = true;
        watchdog_.expire_at(until);
    }
    void close();
    void fail(Failure failure);
    bool is_open() const { return socket_.is_open(); }
    /// Asks the kernel whether the peer has closed, or sent what nobody asked for.
    bool is_silent();

  private:
    void on_read(const ErrorCode& error, std::size_t bytes);
    void on_end(const ErrorCode& error);
    void parse();
    void finish();
    void expired();

    std::shared_ptr<Client::Core> core_;
    Tcp::socket socket_;
    net::Watchdog watchdog_;
    std::vector<char> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::string unsent_;
    Response response_;
    std::optional<ResponseParser> parser_;
    std::optional<net::OneShot<Outcome>> done_;
    bool is_head_ = false;
    bool began_ = false;  ///< a byte of the response came
    bool writing_ = false;
    bool reading_ = false;
    bool was_pooled_ = false;  ///< it may have lain idle, and the peer may have tired of it
};

void Client::Connection::begin(
    std::string_view text, bool is_head, net::Deadline deadline, net::OneShot<Outcome> done
) {
    is_head_ = is_head;
    began_ = false;
    done_ = std::move(done);
    response_ = Response{};
    response_.headers.reserve(8);
    parser_.emplace(response_, core_->limits.response_bytes_max);
    if (is_head) parser_->skip(true);
    watchdog_.expire_at(deadline);
    ErrorCode error;
    const auto sent = socket_.write_some(asio::buffer(text), error);
    if (sent == text.size()) return;
    // A broken pipe needs no word here: the pending read says it, after an answer, if there is one.
    if (error && error != asio::error::would_block) return;
    unsent_ = text.substr(sent);
    writing_ = true;
    asio::async_write(
        socket_,
        asio::buffer(unsent_),
        [self = shared_from_this()](const ErrorCode&, std::size_t) { self->writing_ = false; }
    );
}

void Client::Connection::read() {
    if (reading_ || !socket_.is_open()) return;
    if (begin_ == end_) begin_ = end_ = 0;
    if (end_ == buffer_.size()) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
        if (end_ == buffer_.size()) buffer_.resize(buffer_.size() * 2);
    }
    reading_ = true;
    socket_.async_read_some(
        asio::buffer(buffer_.data() + end_, buffer_.size() - end_),
        [self = shared_from_this()](const ErrorCode& error, std::size_t bytes) {
            self->on_read(error, bytes);
        }
    );
}

void Client::Connection::on_read(const ErrorCode& error, std::size_t bytes) {
    reading_ = false;
    if (error) return on_end(error);
    if (!done_) return close();  // nobody asked
    end_ += bytes;
    began_ = true;
    parse();
    read();
}

void Client::Connection::on_end(const ErrorCode& error) {
    if (done_ && began_ && error == asio::error::eof && parser_->is_header_done()) {
        ErrorCode incomplete;
        parser_->put_eof(incomplete);
        if (!incomplete) return finish();
    }
    const bool stale = !began_ && was_pooled_;
    fail({began_ ? Stage::response : Stage::exchange, false, stale, error.message()});
}

void Client::Connection::parse() {
    while (begin_ != end_) {
        ErrorCode error;
        begin_ += parser_->put({buffer_.data() + begin_, end_ - begin_}, error);
        if (error && error != beast_http::error::need_more) {
            return fail({Stage::response, false, false, error.message()});
        }
        if (!parser_->is_done()) {
            if (end_ - begin_ > response_head_bytes_max) {
                fail({Stage::response, false, false, "the response's head is too large"});
            }
            return;
        }
        if (response_.status >= 200) return finish();
        response_ = Response{};
        parser_.emplace(response_, core_->limits.response_bytes_max);
        if (is_head_) parser_->skip(true);
    }
}

void Client::Connection::finish() {
    const auto self = shared_from_this();
    const bool reusable = parser_->keep_alive() && begin_ == end_ && !writing_;
    parser_.reset();
    const auto done = *std::exchange(done_, std::nullopt);
    Outcome outcome(std::move(response_));
    if (reusable && socket_.is_open()) {
        core_->give_back(self);
    } else {
        close();
    }
    done.set(std::move(outcome));
}

void Client::Connection::fail(Failure failure) {
    const auto self = shared_from_this();
    close();
    if (!done_) return;
    const auto done = *std::exchange(done_, std::nullopt);
    done.set(Outcome(std::unexpect, std::move(failure)));
}

void Client::Connection::expired() {
    fail({began_ ? Stage::response : Stage::exchange, true, false, "timed out"});
}

void Client::Connection::close() {
    const auto self = shared_from_this();
    if (!socket_.is_open()) return;
    ErrorCode ignored;
    socket_.close(ignored);
    watchdog_.disarm();
    core_->closed(this);
}

bool Client::Connection::is_silent() {
    char byte = 0;
    const auto got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

net::awaitable<Response> Client::Core::send(
    std::shared_ptr<Core> self, const OutgoingRequest& request, net::Deadline deadline
) {
    const bool repeatable = is_repeatable(request);
    if (request.notes) {
        request.notes->upstream = self->host_;
        ++request.notes->upstream_requests;
    }
    // Of the first try, which may have been served before its connection broke: what keeps the
    // second one from being sent says nothing of that.
    std::optional<Failure> sent;
    for (bool fresh = false;; fresh = true) {
        ConnectionPointer connection;
        if (!fresh) connection = self->take_idle(repeatable);
        try {
            // Again if the peer closed it between its being handed over and our waking.
            while (!connection || !connection->is_open()) {
                connection = co_await wait_for_connection(self, deadline, fresh);
            }
        } catch (const TransportError&) {
            if (sent) self->fail(*sent);
            throw;
        }
        if (net::SteadyClock::now() >= deadline) {
            self->give_back(connection);
            if (sent) self->fail(*sent);
            self->fail({Stage::queue, true, false, "the deadline passed before sending"});
        }
        net::OneShot<Outcome> done;
        self->begin(*connection, request, deadline, done);
        connection.reset();
        Outcome outcome = co_await done.wait();
        if (outcome) co_return std::move(*outcome);
        const bool again = outcome.error().stale && repeatable && !fresh;
        if (!again) self->fail(outcome.error());
        sent = outcome.error();
    }
}

void Client::Core::begin(
    Connection& connection,
    const OutgoingRequest& request,
    net::Deadline deadline,
    const net::OneShot<Outcome>& done
) {
    scratch_.clear();
    append_request(scratch_, request, host_);
    connection.begin(scratch_, request.method == "HEAD", deadline, done);
    if (scratch_.capacity() > scratch_bytes_kept) scratch_ = {};
}

void Client::Core::fail(const Failure& failure) const {
    throw TransportError(origin, failure.stage, failure.timed_out, failure.what);
}

Client::Core::ConnectionPointer Client::Core::take_idle(bool repeatable) {
    while (!idle_.empty()) {
        auto connection = std::move(idle_.back());
        idle_.pop_back();
        if (repeatable || connection->is_silent()) return connection;
        connection->close();
    }
    return nullptr;
}

net::awaitable<Client::Core::ConnectionPointer> Client::Core::wait_for_connection(
    std::shared_ptr<Core> self, net::Deadline deadline, bool fresh
) {
    if (self->gone_) self->fail({Stage::queue, false, false, "the client is shutting down"});
    if (self->waiting_.size() >= self->limits.waiting_max) {
        self->fail({Stage::queue, false, false, "too many callers wait for a connection"});
    }
    Waiter waiter(self->executor, deadline, fresh);
    struct Leaving {
        Core& core;
        Waiter& waiter;
        ~Leaving() { core.strike_off(waiter); }
    };
    self->enlist(waiter);
    const Leaving leaving{*self, waiter};
    self->open_what_is_missing();
    co_await waiter.timer.async_wait(as_result);
    if (waiter.connection) co_return std::move(waiter.connection);
    if (waiter.failure) self->fail(*waiter.failure);
    self->fail(self->give_up(waiter));
}

void Client::Core::enlist(Waiter& waiter) {
    waiter.place = waiting_.insert(waiting_.end(), &waiter);
    waiter.listed = true;
    if (waiter.fresh) ++fresh_waiting_;
}

void Client::Core::strike_off(Waiter& waiter) {
    if (!std::exchange(waiter.listed, false)) return;
    waiting_.erase(waiter.place);
    if (waiter.fresh) --fresh_waiting_;
}

Failure Client::Core::give_up(const Waiter& waiter) const {
    auto place = waiting_.begin();
    for (std::size_t ahead = 0; ahead < opening_ && place != waiting_.end(); ++ahead, ++place) {
        if (*place == &waiter) return {Stage::connect, true, false, "connecting timed out"};
    }
    return {Stage::queue, true, false, "no connection came free in time"};
}

void Client::Core::open_what_is_missing() {
    while (!gone_ && opening_ < waiting_.size() && total() < limits.connections_max) {
        ++opening_;
        const auto opening =
            std::make_shared<Opening>(executor, milliseconds(limits.connect_timeout_ms));
        opening->timer.async_wait([self = shared_from_this(), opening](const ErrorCode& error) {
            if (!error) self->opening_failed(opening, true, "connecting timed out");
        });
        asio::co_spawn(executor, open(shared_from_this(), opening), asio::detached);
    }
}

net::awaitable<void> Client::Core::open(
    std::shared_ptr<Core> self, std::shared_ptr<Opening> opening
) {
    std::vector<Tcp::endpoint> endpoints;
    ErrorCode failed;
    const auto address = asio::ip::make_address(self->origin.host, failed);
    if (!failed) {
        endpoints.emplace_back(address, self->origin.port);
    } else {
        const std::string port = std::to_string(self->origin.port);
        const auto [error, found] =
            co_await opening->resolver.async_resolve(self->origin.host, port, as_result);
        if (error) {
            self->opening_failed(opening, false, "name not found: " + error.message());
            co_return;
        }
        for (const auto& each : found) endpoints.push_back(each.endpoint());
    }
    failed = asio::error::host_not_found;
    for (const auto& endpoint : endpoints) {
        if (opening->over) co_return;
        ErrorCode ignored;
        opening->socket.close(ignored);
        const auto [error] = co_await opening->socket.async_connect(endpoint, as_result);
        failed = error;
        if (!failed) break;
    }
    if (failed) {
        self->opening_failed(opening, false, "cannot connect: " + failed.message());
    } else {
        self->opened(opening);
    }
}

void Client::Core::opening_failed(
    const std::shared_ptr<Opening>& opening, bool timed_out, std::string what
) {
    if (std::exchange(opening->over, true)) return;
    --opening_;
    ErrorCode ignored;
    opening->timer.cancel();
    opening->resolver.cancel();
    opening->socket.close(ignored);
    if (Waiter* const waiter = next_waiter(true)) {
        waiter->failure = Failure{Stage::connect, timed_out, false, std::move(what)};
        waiter->timer.cancel();
    }
    open_what_is_missing();
}

void Client::Core::opened(const std::shared_ptr<Opening>& opening) {
    ErrorCode error;
    opening->socket.non_blocking(true, error);
    if (!error) opening->socket.set_option(Tcp::no_delay(true), error);
    if (error) return opening_failed(opening, false, "cannot connect: " + error.message());
    if (std::exchange(opening->over, true)) return;
    --opening_;
    opening->timer.cancel();
    auto connection = std::make_shared<Connection>(shared_from_this(), std::move(opening->socket));
    if (gone_) return;
    open_.insert(connection.get());
    connection->read();
    Waiter* const waiter = next_waiter(true);
    if (!waiter) return give_back(connection);
    waiter->connection = std::move(connection);
    waiter->timer.cancel();
}

/// Takes off the list whom a new connection (or its failure) goes to: one that must have a new one,
/// else the first. A connection that was used goes to the first that takes such.
Client::Core::Waiter* Client::Core::next_waiter(bool for_fresh) {
    if (waiting_.empty()) return nullptr;
    auto place = waiting_.begin();
    if (fresh_waiting_ > 0) {
        place = std::ranges::find_if(waiting_, [&](const Waiter* each) {
            return each->fresh == for_fresh;
        });
        if (place == waiting_.end()) {
            if (!for_fresh) return nullptr;
            place = waiting_.begin();
        }
    }
    Waiter* const waiter = *place;
    strike_off(*waiter);
    return waiter;
}

void Client::Core::give_back(const ConnectionPointer& connection) {
    if (gone_) return connection->close();
    connection->rest(net::deadline_in(milliseconds(limits.idle_timeout_ms)));
    if (Waiter* const waiter = next_waiter(false)) {
        waiter->connection = connection;
        waiter->timer.cancel();
    } else {
        idle_.push_back(connection);
    }
}

void Client::Core::closed(Connection* connection) {
    if (open_.erase(connection) == 0) return;
    std::erase_if(idle_, [&](const ConnectionPointer& each) { return each.get() == connection; });
    open_what_is_missing();
}

void Client::Core::shut_down() {
    gone_ = true;
    while (Waiter* const waiter = next_waiter(true)) {
        waiter->failure = Failure{Stage::queue, false, false, "the client is shutting down"};
        waiter->timer.cancel();
    }
    for (const ConnectionPointer& connection : std::exchange(idle_, {})) connection->close();
    // Posted, because it resumes callers, who must not run inside our owner's destructor.
    std::vector<ConnectionPointer> all;
    for (Connection* const connection : open_) all.push_back(connection->shared_from_this());
    asio::post(executor, [all = std::move(all)] {
        for (const auto& connection : all) {
            connection->fail({Stage::exchange, false, false, "the client is shutting down"});
        }
    });
}

Client::Client(net::Executor executor, Origin origin, ClientLimits limits)
    : core_(std::make_shared<Core>(executor, std::move(origin), limits)) {}

Client::~Client() {
    core_->shut_down();
}

net::awaitable<Response> Client::send(OutgoingRequest request, net::Deadline deadline) {
    const auto core = core_;
    Response response = co_await Core::send(core, request, deadline);
    co_return response;
}

net::awaitable<Response> Client::send_kept(const OutgoingRequest& request, net::Deadline deadline) {
    return Core::send(core_, request, deadline);
}

const Origin& Client::origin() const {
    return core_->origin;
}

std::size_t Client::connections() const {
    return core_->total();
}

std::size_t Client::waiting() const {
    return core_->waiting();
}

}  // namespace http
