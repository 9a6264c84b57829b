#include "http/server.hpp"

#include <array>
#include <system_error>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "base/neighbour_error.hpp"
#include "http/connection.hpp"
#include "http/server_core.hpp"

namespace http {

namespace {

constexpr int listen_backlog = 4096;
constexpr milliseconds accept_pause(100);
constexpr int retry_after_s = 1;
constexpr int failure_lines_per_second = 10;
/// Rooms give up on a neighbour so long before their own caller does.
constexpr milliseconds deadline_margin(100);
/// Work that is kept for the next connection, and the largest body of it.
constexpr std::size_t spare_work_max = 128;
constexpr std::size_t body_bytes_kept = 64 * 1024;

/// Where the caller's own haste is why a neighbour had no time to answer, nothing is wrong.
bool is_cut_short(const Request& request) {
    const bool was_hurried = request.own_time && *request.own_time < hurried_time;
    return was_hurried && net::SteadyClock::now() + deadline_margin >= request.deadline;
}

}  // namespace

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
    Response response = busy_response();
    if (!gone) router.decorate({}, response);
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

void Server::Core::finish(const Request& request, Response& response, net::Deadline began) {
    if (gone) return;
    router.decorate(request, response);
    count(request, response, began);
}

void Server::Core::count(const Request& request, const Response& response, net::Deadline began) {
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
        request.notes.is_cut_short = is_cut_short(request);
        const auto level =
            request.notes.is_cut_short ? logging::Level::info : logging::Level::warning;
        log_failure(request, error.what(), level);
        const bool unknown = error.effect() == base::NeighbourError::Effect::unknown;
        problem.status = 503;
        problem.code = unknown ? "unknown" : "unavailable";
        problem.detail = unknown
                             ? "The outcome is not known yet: send the same request with the same "
                               "Idempotency-Key again."
                             : "Nothing was changed. Send the request again in a moment.";
        problem.retry_after_s = retry_after_s;
    } catch (const std::exception& error) {
        log_failure(request, error.what(), logging::Level::error);
        problem.code = "internal";
    } catch (...) {
        log_failure(request, "not a std::exception", logging::Level::error);
        problem.code = "internal";
    }
    if (problem.code == "internal") {
        problem.detail = "A bug of ours. Request " + request.request_id + " names it in the log.";
    }
    return to_response(problem);
}

void Server::Core::log_failure(
    const Request& request, std::string_view what, logging::Level level
) {
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
        level,
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
