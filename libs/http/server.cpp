#include "http/server.hpp"

#include <array>
#include <cstring>
#include <sys/socket.h>
#include <system_error>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "base/neighbour_error.hpp"
#include "http/access_log.hpp"
#include "http/negotiation.hpp"
#include "http/request_reader.hpp"
#include "http/write_message.hpp"
#include "logging/logging.hpp"
#include "net/event.hpp"
#include "net/watchdog.hpp"

namespace http {

namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;
using std::chrono::milliseconds;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr int listen_backlog = 4096;
constexpr milliseconds accept_pause(100);
/// While draining: how long a connection that never asked may take to send its first request. Who
/// has just connected is about to, and can't tell a close from a request that got lost.
constexpr milliseconds first_request_time(1000);
/// After a refusal: how long and how much is read on so that the peer sees the answer, not a reset.
constexpr milliseconds linger_time(1000);
constexpr int linger_reads_max = 64;
/// Longer bodies are written from where they are instead of being copied behind the head.
constexpr std::size_t joined_body_max = 16 * 1024;
constexpr std::size_t scratch_bytes_kept = 64 * 1024;
constexpr int retry_after_s = 1;
constexpr int failure_lines_per_second = 10;
/// What an idle connection reads into: most requests at once, so that they cost one read, and
/// little enough to have ten thousand of it.
constexpr std::size_t first_bytes_max = 1024;
/// Work that is kept for the next connection, and the largest body of it.
constexpr std::size_t spare_work_max = 128;
constexpr std::size_t body_bytes_kept = 64 * 1024;
/// Shorter bodies are not counted against received_bytes_max, nor refused for it: connections_max
/// bounds them.
constexpr std::size_t short_body_max = 1024;
/// So many pipelined requests of one connection are served before the other connections' turn.
constexpr std::size_t requests_per_turn = 16;

/// What a connection needs from the first byte of a request to its answer. Idle connections, most
/// of them, have none: it goes from one to the next, warm.
struct Work {
    explicit Work(const ServerLimits& limits) : reader(limits) {}

    RequestReader reader;
    Request request;
    Negotiation::Wishes wishes;
};

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

}  // namespace

class Server::Core : public std::enable_shared_from_this<Core> {
  public:
    Core(
        net::Executor loop,
        ServerLimits server_limits,
        const Router& routes,
        metrics::Registry* registry,
        std::string server_name,
        AccessLog* log
    );

    void listen(const std::string& address, std::uint16_t port);
    static net::awaitable<void> accept(std::shared_ptr<Core> self);
    /// Takes in who has connected already: closing the port would reset them.
    void accept_what_came();
    void admit(Tcp::socket socket, const Tcp::endpoint& peer);
    void left(Connection* connection);
    bool is_full(const Request& request) const;
    Response busy_response() const;
    std::unique_ptr<Work> take_work();
    void give_back(std::unique_ptr<Work> work);
    void stop_accepting();
    void close_idle();
    void close_all();
    void count(const Request& request, const Response& response, net::Deadline began);
    void count_cut_off();
    Response failure_response(const Request& request, const std::exception_ptr& failure);

    net::Executor executor;
    ServerLimits limits;
    const Router& router;
    Tcp::acceptor acceptor;
    std::unordered_set<Connection*> connections;
    net::Event all_left;
    DateText date;
    Negotiation negotiation;
    std::size_t under_way = 0;       ///< requests whose handlers run
    std::size_t unsent_bytes = 0;    ///< ServerLimits::unsent_bytes_max
    std::size_t received_bytes = 0;  ///< ServerLimits::received_bytes_max
    std::string scratch;   ///< responses are serialised here; what can't be sent at once moves on
    bool closing = false;  ///< every response ends its connection
    bool gone = false;     ///< the Server and perhaps the router's owner were destroyed

  private:
    struct SeriesKey {
        const char* pattern;
        int status;
        bool operator==(const SeriesKey&) const = default;
    };
    struct SeriesHash {
        std::size_t operator()(const SeriesKey& key) const {
            return std::hash<const char*>()(key.pattern) * 31 +
                   static_cast<std::size_t>(key.status);
        }
    };
    struct Series {
        prometheus::Counter* requests;
        prometheus::Histogram* seconds;
    };
    Series make_series(const Request& request, int status);
    bool has_room_for(const std::string& address);
    void turn_away(Tcp::socket& socket);
    void log_failure(const Request& request, std::string_view what, bool is_bug);

    metrics::Registry* metrics_;
    std::string name_;
    AccessLog* access_log_;
    std::unordered_map<std::string, std::size_t> by_address_;  ///< only if that is limited
    std::unordered_map<SeriesKey, Series, SeriesHash> series_;
    std::vector<std::unique_ptr<Work>> spare_work_;
    prometheus::Gauge* open_ = nullptr;
    prometheus::Counter* turned_away_ = nullptr;
    prometheus::Counter* cut_off_ = nullptr;
    std::int64_t failure_second_ = 0;
    int failures_in_second_ = 0;
};

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

    RequestReader::Progress advance();
    bool prepare_to_read();
    void begin_idling();
    void expired();
    void begin_work(std::size_t bytes);
    void begin_answering(bool refused);
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

Server::Connection::Connection(
    std::shared_ptr<Server::Core> core, Tcp::socket socket, std::string address
)
    : core_(std::move(core)),
      socket_(std::move(socket)),
      watchdog_(core_->executor, [this] { expired(); }),
      address_(std::move(address)),
      unsent_share_(core_->unsent_bytes),
      received_share_(core_->received_bytes) {}

void Server::Connection::close() {
    ErrorCode ignored;
    socket_.close(ignored);
}

void Server::Connection::close_if_idle() {
    ErrorCode error;
    if (phase_ != Phase::idle || !socket_.is_open()) return;
    if (socket_.available(error) != 0 && !error) return;
    if (has_asked_ || error) {
        close();
    } else {
        phase_ends_ = net::SteadyClock::now() + first_request_time;
        watchdog_.expire_at(phase_ends_);
    }
}

void Server::Connection::begin_idling() {
    phase_ = Phase::idle;
    pipelined_ = 0;
    phase_ends_ = net::deadline_in(milliseconds(core_->limits.idle_timeout_ms));
    watchdog_.expire_at(phase_ends_);
    if (core_->closing && !core_->acceptor.is_open()) close_if_idle();
}

RequestReader::Progress Server::Connection::advance() {
    return work_ ? work_->reader.advance(work_->request) : RequestReader::Progress::more;
}

bool Server::Connection::prepare_to_read() {
    if (!work_ || !work_->reader.mid_request()) {
        if (work_) core_->give_back(std::move(work_));
        received_share_.hold(0);
        if (phase_ != Phase::idle) begin_idling();
        return socket_.is_open();
    }
    if (work_->reader.take_continue()) {
        static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
        ErrorCode ignored;  // a peer that is gone shows in the read
        socket_.write_some(asio::buffer(go_on), ignored);
    }
    const auto& limits = core_->limits;
    const auto before = phase_;
    phase_ = work_->reader.in_body() ? Phase::body : Phase::head;
    if (phase_ != before) {
        const auto timeout =
            phase_ == Phase::body ? limits.body_timeout_ms : limits.header_timeout_ms;
        phase_ends_ = net::SteadyClock::now() + milliseconds(timeout);
    }
    auto ends = phase_ends_;
    if (phase_ == Phase::body) {
        const auto received = static_cast<std::int64_t>(work_->request.body.size());
        ends += milliseconds(received * 1000 / limits.body_bytes_per_s_min);
    }
    watchdog_.expire_at(ends);
    return socket_.is_open();
}

/// The deadline passed: of being idle, of a request that does not come, or of an answer that is not
/// read.
void Server::Connection::expired() {
    if (phase_ == Phase::head || phase_ == Phase::body) {
        work_->request = Request{};
        work_->request.request_id = make_request_id();
        work_->request.remote_address = address_;
        auto response = to_response(
            {.status = 408,
             .code = "request_timeout",
             .detail = "The request did not come in time; nothing was changed."}
        );
        core_->count(work_->request, response, net::SteadyClock::now());
        write(std::move(response), false);  // one try: who sends slowly is not waited for again
    }
    close();
}

/// Takes account of what this connection has received, and tells whether that makes it too much
/// for all of them together. Who holds nothing but a first buffer is not the one to refuse.
bool Server::Connection::is_too_much() {
    if (!work_) return false;
    const std::size_t body = work_->request.body.capacity();
    const std::size_t held = work_->reader.extra_bytes() + (body > short_body_max ? body : 0);
    if (held != received_share_.bytes()) received_share_.hold(held);
    return held > 0 && work_->reader.mid_request() &&
           core_->received_bytes > core_->limits.received_bytes_max;
}

Server::Connection::Writing Server::Connection::write(Response response, bool keep) {
    std::string& out = core_->scratch;
    out.clear();
    const auto persistence = !keep                         ? Persistence::close
                             : work_->reader.is_http_1_0() ? Persistence::keep_alive_1_0
                                                           : Persistence::keep_alive_1_1;
    append_response_head(out, response, persistence, core_->date.now(), work_->request.request_id);
    const bool has_body = work_->request.method != "HEAD" && !is_bodiless(response.status);
    std::string_view apart;
    if (has_body && response.body.size() > joined_body_max) {
        apart = response.body;
    } else if (has_body) {
        out.append(response.body);
    }
    const std::array<asio::const_buffer, 2> parts{asio::buffer(out), asio::buffer(apart)};
    ErrorCode error;
    std::size_t sent =
        apart.empty() ? socket_.write_some(parts[0], error) : socket_.write_some(parts, error);
    if (error && error != asio::error::would_block) return Writing::failed;
    if (sent == out.size() + apart.size()) {
        if (out.capacity() > scratch_bytes_kept) out = {};
        return Writing::done;
    }
    keep_unsent(sent, response, !apart.empty());
    return Writing::blocked;
}

/// A body is held once: moved here where the head before it is gone, as it nearly always is.
void Server::Connection::keep_unsent(std::size_t sent, Response& response, bool is_apart) {
    std::string& out = core_->scratch;
    if (is_apart && sent >= out.size()) {
        unsent_ = std::move(response.body);
        unsent_from_ = sent - out.size();
    } else {
        unsent_.assign(out, sent);
        if (is_apart) unsent_.append(response.body);
        unsent_from_ = 0;
        response.body = {};
    }
    if (out.capacity() > scratch_bytes_kept) out = {};
    work_->request.body = {};
    received_share_.hold(0);
    unsent_share_.hold(unsent_.capacity());
}

/// False if the connection is to end: the peer left or did not read in time, or too much waits for
/// too many of its kind.
net::awaitable<bool> Server::Connection::write_rest(std::shared_ptr<Connection> self) {
    Connection& it = *self;
    const ServerLimits& limits = it.core_->limits;
    bool is_written = false;
    if (it.core_->unsent_bytes > limits.unsent_bytes_max) {
        it.core_->count_cut_off();
        // A reset, so that the kernel forgets at once what it holds for this peer.
        ErrorCode ignored;
        it.socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    } else {
        it.watchdog_.expire_at(net::deadline_in(milliseconds(limits.body_timeout_ms)));
        const auto [error, bytes] = co_await asio::async_write(
            it.socket_, asio::buffer(it.unsent_) + it.unsent_from_, as_result
        );
        is_written = !error;
    }
    it.unsent_ = {};
    it.unsent_share_.hold(0);
    co_return is_written;
}

void Server::Connection::begin_work(std::size_t bytes) {
    work_ = core_->take_work();
    std::memcpy(work_->reader.space().data(), first_bytes_.data(), bytes);
    work_->reader.received(bytes);
}

void Server::Connection::begin_answering(bool refused) {
    phase_ = Phase::busy;
    has_asked_ = true;
    watchdog_.disarm();
    if (refused) {
        work_->request = Request{};
        work_->request.request_id = make_request_id();
        received_share_.hold(work_->reader.extra_bytes());
    } else {
        work_->wishes = Negotiation::read(work_->request);
    }
    work_->request.remote_address = address_;
}

/// Whether the connection goes on after this answer.
bool Server::Connection::is_kept(bool refused) {
    if (refused || core_->closing || !work_->reader.keep_alive()) return false;
    return ++pipelined_ < core_->limits.pipelined_max;
}

net::awaitable<void> Server::Connection::serve(std::shared_ptr<Connection> self) {
    Connection& it = *self;
    Server::Core& core = *it.core_;
    while (it.socket_.is_open()) {
        const auto progress = it.advance();
        const bool too_much = it.is_too_much() && progress == RequestReader::Progress::more;
        if (progress == RequestReader::Progress::more && !too_much) {
            if (!it.prepare_to_read()) break;
            if (it.phase_ == Phase::idle) {
                const auto [error, bytes] =
                    co_await it.socket_.async_read_some(asio::buffer(it.first_bytes_), as_result);
                if (error) break;
                it.begin_work(bytes);
                continue;
            }
            const auto space = it.work_->reader.space();
            const auto [error, bytes] = co_await it.socket_.async_read_some(
                asio::buffer(space.data(), space.size()), as_result
            );
            if (error) break;
            it.work_->reader.received(bytes);
            continue;
        }
        const auto began = net::SteadyClock::now();
        const bool refused = too_much || progress == RequestReader::Progress::refused;
        it.begin_answering(refused);
        Response response;
        if (refused) {
            response = too_much ? core.busy_response() : to_response(it.work_->reader.refusal());
        } else if (core.gone) {
            break;
        } else if (core.is_full(it.work_->request)) {
            response = core.busy_response();
        } else {
            std::exception_ptr failure;
            ++core.under_way;
            try {
                response = co_await core.router.handle(it.work_->request);
            } catch (...) {
                failure = std::current_exception();
            }
            --core.under_way;
            if (failure) response = core.failure_response(it.work_->request, failure);
            core.negotiation.apply(it.work_->request, it.work_->wishes, response);
        }
        core.count(it.work_->request, response, began);
        const bool keep = it.is_kept(refused);
        const auto writing = it.write(std::move(response), keep);
        if (writing == Writing::failed) break;
        if (writing == Writing::blocked) {
            const bool is_written = co_await write_rest(self);
            if (!is_written) break;
        }
        // A close now would take the answer along where more came than was read.
        if (refused || (!keep && it.work_->reader.mid_request())) co_await linger(self);
        if (!keep) break;
        if (it.pipelined_ % requests_per_turn == 0) {
            co_await asio::post(core.executor, asio::use_awaitable);
        }
    }
    it.close();
}

net::awaitable<void> Server::Connection::linger(std::shared_ptr<Connection> self) {
    ErrorCode error;
    self->socket_.shutdown(Tcp::socket::shutdown_send, error);
    self->watchdog_.expire_at(net::SteadyClock::now() + linger_time);
    std::array<char, 4096> discarded;
    for (int reads = 0; reads < linger_reads_max; ++reads) {
        const auto [failed, bytes] =
            co_await self->socket_.async_read_some(asio::buffer(discarded), as_result);
        if (failed) co_return;
    }
}

Server::Core::Core(
    net::Executor loop,
    ServerLimits server_limits,
    const Router& routes,
    metrics::Registry* registry,
    std::string server_name,
    AccessLog* log
)
    : executor(loop),
      limits(server_limits),
      router(routes),
      acceptor(loop),
      all_left(loop),
      negotiation(server_limits.gzip_bytes_min),
      metrics_(registry),
      name_(std::move(server_name)),
      access_log_(log) {
    if (!metrics_) return;
    turned_away_ = &metrics_->counter(
        "doorbuster_http_connections_refused_total",
        "Connections beyond the limits, answered 503 and closed.",
        {{"server", name_}}
    );
    cut_off_ = &metrics_->counter(
        "doorbuster_http_answers_cut_off_total",
        "Answers cut off, as too much waited for callers that did not read.",
        {{"server", name_}}
    );
    open_ = &metrics_->gauge(
        "doorbuster_http_connections", "Open connections from callers.", {{"server", name_}}
    );
}

void Server::Core::listen(const std::string& address, std::uint16_t port) {
    try {
        const Tcp::endpoint endpoint(asio::ip::make_address(address), port);
        acceptor.open(endpoint.protocol());
        acceptor.set_option(Tcp::acceptor::reuse_address(true));
        acceptor.bind(endpoint);
        acceptor.listen(listen_backlog);
        acceptor.non_blocking(true);
    } catch (const boost::system::system_error& error) {
        throw std::system_error(
            std::error_code(error.code()),
            "cannot listen on " + address + ":" + std::to_string(port)
        );
    }
    asio::co_spawn(executor, accept(shared_from_this()), asio::detached);
}

net::awaitable<void> Server::Core::accept(std::shared_ptr<Core> self) {
    while (self->acceptor.is_open()) {
        Tcp::socket socket(self->executor);
        Tcp::endpoint peer;
        const auto [error] = co_await self->acceptor.async_accept(socket, peer, as_result);
        if (!error) {
            self->admit(std::move(socket), peer);
        } else if (error != asio::error::operation_aborted) {
            // Out of descriptors or memory, most likely: what is open goes on, and may end.
            logging::warning("accept failed", {{"error", error.message()}});
            co_await net::sleep_for(accept_pause);
        }
    }
}

void Server::Core::accept_what_came() {
    for (int accepted = 0; accepted < listen_backlog; ++accepted) {
        Tcp::socket socket(executor);
        Tcp::endpoint peer;
        ErrorCode error;
        acceptor.accept(socket, peer, error);
        if (error) return;
        admit(std::move(socket), peer);
    }
}

void Server::Core::admit(Tcp::socket socket, const Tcp::endpoint& peer) {
    ErrorCode error;
    socket.non_blocking(true, error);
    if (!error) socket.set_option(Tcp::no_delay(true), error);
    if (error) return;
    std::string address = peer.address().to_string();
    if (!has_room_for(address)) return turn_away(socket);
    auto connection =
        std::make_shared<Connection>(shared_from_this(), std::move(socket), std::move(address));
    connections.insert(connection.get());
    if (limits.connections_per_address_max > 0) ++by_address_[connection->address()];
    if (open_) open_->Increment();
    asio::co_spawn(executor, Connection::serve(std::move(connection)), asio::detached);
}

bool Server::Core::has_room_for(const std::string& address) {
    if (connections.size() >= limits.connections_max) return false;
    if (limits.connections_per_address_max == 0) return true;
    const auto found = by_address_.find(address);
    return found == by_address_.end() || found->second < limits.connections_per_address_max;
}

/// Says 503 as well as that can be done without keeping the connection: what came already is read,
/// as a close with unread bytes would be a reset, which takes the answer along.
void Server::Core::turn_away(Tcp::socket& socket) {
    if (turned_away_ && !gone) turned_away_->Increment();
    std::string answer;
    const Response response = busy_response();
    append_response_head(answer, response, Persistence::close, date.now(), make_request_id());
    answer.append(response.body);
    ErrorCode ignored;
    socket.write_some(asio::buffer(answer), ignored);
    socket.shutdown(Tcp::socket::shutdown_send, ignored);
    std::array<char, 4096> discarded;
    socket.read_some(asio::buffer(discarded), ignored);
}

void Server::Core::left(Connection* connection) {
    if (connections.erase(connection) == 0) return;
    if (const auto found = by_address_.find(connection->address()); found != by_address_.end()) {
        if (--found->second == 0) by_address_.erase(found);
    }
    if (open_ && !gone) open_->Decrement();
    if (connections.empty()) all_left.notify();
}

std::unique_ptr<Work> Server::Core::take_work() {
    if (spare_work_.empty()) return std::make_unique<Work>(limits);
    auto work = std::move(spare_work_.back());
    spare_work_.pop_back();
    return work;
}

void Server::Core::give_back(std::unique_ptr<Work> work) {
    if (gone || spare_work_.size() >= spare_work_max) return;
    if (work->request.body.capacity() > body_bytes_kept || !work->reader.reset()) return;
    spare_work_.push_back(std::move(work));
}

bool Server::Core::is_full(const Request& request) const {
    if (under_way < limits.requests_max) return false;
    return under_way >= limits.requests_max + limits.requests_reserved ||
           router.admission(request) != Admission::reserved;
}

Response Server::Core::busy_response() const {
    return to_response(
        {.status = 503,
         .code = "busy",
         .detail = "Too many requests are under way. Nothing was changed; try again in a moment.",
         .retry_after_s = retry_after_s}
    );
}

void Server::Core::stop_accepting() {
    ErrorCode ignored;
    acceptor.close(ignored);
}

void Server::Core::close_idle() {
    for (Connection* connection : connections) connection->close_if_idle();
}

void Server::Core::close_all() {
    for (Connection* connection : connections) connection->close();
}

void Server::Core::count(const Request& request, const Response& response, net::Deadline began) {
    if (gone) return;
    const auto took = net::SteadyClock::now() - began;
    if (access_log_) {
        const auto took_us = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
        access_log_->add(request, response.status, response.body.size(), took_us);
    }
    if (!metrics_) return;
    const SeriesKey key{request.route_pattern.data(), response.status};
    auto found = series_.find(key);
    if (found == series_.end()) {
        found = series_.emplace(key, make_series(request, response.status)).first;
    }
    found->second.requests->Increment();
    found->second.seconds->Observe(std::chrono::duration<double>(took).count());
}

void Server::Core::count_cut_off() {
    if (cut_off_ && !gone) cut_off_->Increment();
}

Server::Core::Series Server::Core::make_series(const Request& request, int status) {
    const metrics::Labels labels{
        {"server", name_},
        {"method", std::string(request.route_method)},
        {"route", std::string(request.route_pattern)},
        {"status", std::to_string(status)}
    };
    return {
        &metrics_->counter("doorbuster_http_requests_total", "Requests answered.", labels),
        &metrics_->histogram(
            "doorbuster_http_request_seconds",
            "From a request's last byte to its answer.",
            metrics::request_seconds_bounds(),
            labels
        )
    };
}

Response Server::Core::failure_response(const Request& request, const std::exception_ptr& failure) {
    Problem problem;
    try {
        std::rethrow_exception(failure);
    } catch (const base::NeighbourError& error) {
        log_failure(request, error.what(), false);
        const bool unknown = error.effect() == base::NeighbourError::Effect::unknown;
        problem.status = 503;
        problem.code = unknown ? "unknown" : "unavailable";
        problem.detail = unknown
                             ? "The outcome is not known yet: send the same request with the same "
                               "Idempotency-Key again."
                             : "Nothing was changed. Send the request again in a moment.";
        problem.retry_after_s = retry_after_s;
    } catch (const std::exception& error) {
        log_failure(request, error.what(), true);
        problem.code = "internal";
    } catch (...) {
        log_failure(request, "not a std::exception", true);
        problem.code = "internal";
    }
    if (problem.code == "internal") {
        problem.detail = "A bug of ours. Request " + request.request_id + " names it in the log.";
    }
    return to_response(problem);
}

void Server::Core::log_failure(const Request& request, std::string_view what, bool is_bug) {
    // A neighbour's outage fails every request: the log must not become the next bottleneck.
    const auto second =
        std::chrono::duration_cast<std::chrono::seconds>(net::SteadyClock::now().time_since_epoch())
            .count();
    if (second != failure_second_) {
        failure_second_ = second;
        failures_in_second_ = 0;
    }
    if (++failures_in_second_ > failure_lines_per_second || gone) return;
    logging::write(
        is_bug ? logging::Level::error : logging::Level::warning,
        "request failed",
        {{"request_id", request.request_id},
         {"trace_id", request.trace.trace_id()},
         {"method", request.method},
         {"route", request.route_pattern},
         {"error", what}}
    );
}

Server::Server(
    net::Executor executor,
    ServerLimits limits,
    const Router& router,
    metrics::Registry* metrics,
    std::string name,
    AccessLog* access_log
)
    : core_(std::make_shared<Core>(executor, limits, router, metrics, std::move(name), access_log)
      ) {}

Server::~Server() {
    core_->gone = true;
    core_->stop_accepting();
    core_->close_all();
}

void Server::listen(const std::string& address, std::uint16_t port) {
    core_->listen(address, port);
}

std::uint16_t Server::port() const {
    ErrorCode error;
    return core_->acceptor.local_endpoint(error).port();
}

void Server::close_after_responses() {
    core_->closing = true;
}

net::awaitable<void> Server::drain() {
    const auto core = core_;
    const auto deadline = net::deadline_in(milliseconds(core->limits.drain_timeout_ms));
    core->closing = true;
    core->accept_what_came();
    core->stop_accepting();
    core->close_idle();
    bool notified = true;
    while (!core->connections.empty() && notified) {
        notified = co_await core->all_left.wait_until(deadline);
    }
    core->close_all();
}

std::size_t Server::connections() const {
    return core_->connections.size();
}

}  // namespace http
