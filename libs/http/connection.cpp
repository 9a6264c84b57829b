#include "http/connection.hpp"

#include <cstring>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

namespace http {

namespace {

/// While draining: how long a connection that never asked may take to send its first request. Who
/// has just connected is about to, and can't tell a close from a request that got lost.
constexpr milliseconds first_request_time(1000);
/// After a refusal: how long and how much is read on so that the peer sees the answer, not a reset.
constexpr milliseconds linger_time(1000);
constexpr int linger_reads_max = 64;
/// Longer bodies are written from where they are instead of being copied behind the head.
constexpr std::size_t joined_body_max = 16 * 1024;
constexpr std::size_t scratch_bytes_kept = 64 * 1024;
/// Shorter bodies are not counted against received_bytes_max, nor refused for it: connections_max
/// bounds them.
constexpr std::size_t short_body_max = 1024;
/// So many pipelined requests of one connection are served before the other connections' turn.
constexpr std::size_t requests_per_turn = 16;

}  // namespace

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
        forget_request();
        auto response = to_response(
            {.status = 408,
             .code = "request_timeout",
             .detail = "The request did not come in time; nothing was changed."}
        );
        core_->finish(work_->request, response, net::SteadyClock::now());
        write(std::move(response), false);  // one try: who sends slowly is not waited for again
    }
    close();
}

/// Takes account of what this connection has received, and tells whether that makes it too much
/// for all of them together. Who holds nothing but a first buffer is not the one to refuse.
bool Server::Connection::is_too_much() {
    if (!work_) return false;
    const std::size_t body = work_->request.body.capacity();
    const std::size_t long_body = body > short_body_max ? body : 0;
    const std::size_t held = work_->reader.extra_bytes() + long_body;
    if (held != received_share_.bytes()) received_share_.hold(held);
    // Room for a body may be left from whoever had this work before.
    const bool is_its_own =
        work_->reader.extra_bytes() > 0 || (long_body > 0 && work_->reader.in_body());
    return is_its_own && work_->reader.mid_request() &&
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
        forget_request();
        received_share_.hold(work_->reader.extra_bytes());
    } else {
        work_->wishes = Negotiation::read(work_->request);
        work_->request.remote_address = address_;
    }
}

/// Of a request that was not read whole the log and the metrics know nothing; only the answer's
/// decoration sees its headers.
void Server::Connection::forget_request() {
    Headers headers;
    if (work_->reader.has_headers()) headers = std::move(work_->request.headers);
    work_->request = Request{};
    work_->request.headers = std::move(headers);
    work_->request.request_id = make_request_id();
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
        core.finish(it.work_->request, response, began);
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

}  // namespace http
