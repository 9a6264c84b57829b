#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "http/router.hpp"
#include "metrics/metrics.hpp"
#include "net/net.hpp"

namespace http {

struct ServerLimits {
    std::size_t connections_max = 16384;          ///< beyond it new ones get 503 and are closed
    std::size_t connections_per_address_max = 0;  ///< the same, by peer address; 0: no such limit
    std::size_t requests_max = 2048;     ///< under way at once; beyond it 503 `busy` at once
    std::size_t requests_reserved = 64;  ///< more than those, for routes of Admission::reserved
    std::size_t pipelined_max = 256;     ///< sent on without a pause; then the connection is closed
    std::size_t header_bytes_max = 16384;  ///< request line and headers; 431
    std::size_t header_fields_max = 100;   ///< 431
    std::size_t body_bytes_max = 65536;    ///< 413
    /// Of all connections together: what of answers the kernel did not take, as their callers don't
    /// read. Beyond it the answer that makes it too much is cut off and its connection reset.
    std::size_t unsent_bytes_max = 64 * 1024 * 1024;
    /// Of all connections together: bodies and long heads, from their arrival until the answer.
    /// Beyond it who is still sending gets 503 `busy` and is closed.
    std::size_t received_bytes_max = 64 * 1024 * 1024;
    std::size_t gzip_bytes_min = 1400;  ///< answers to GET are compressed from so many on; 0: never
    std::int64_t header_timeout_ms = 10000;  ///< from a request's first byte to its headers' end
    /// To receive a body and to send a response. A body gets a second more for each
    /// body_bytes_per_s_min that came.
    std::int64_t body_timeout_ms = 10000;
    std::int64_t body_bytes_per_s_min = 8192;
    std::int64_t idle_timeout_ms = 75000;     ///< between requests of a connection
    std::int64_t request_timeout_ms = 10000;  ///< default and upper bound of Request::deadline
    std::int64_t drain_timeout_ms = 10000;    ///< drain() then closes what is left
};

/// A caller who gives less time than this is in a hurry; that nothing came of it is no news. Longer
/// than any healthy neighbour takes, shorter than what the gateway gives one attempt.
inline constexpr std::chrono::milliseconds hurried_time(2000);

class AccessLog;

/// HTTP/1.1 server of one loop. Keep-alive; pipelined requests are answered in order. Exceptions of
/// the handler are mapped here, once: base::NeighbourError to 503 `unavailable` (Effect::none) or
/// `unknown` (Effect::unknown), both with Retry-After; anything else to 500 `internal` and a log
/// line that carries the request id. Every response carries X-Request-Id.
///
/// A request head or body that does not come in time is 408. An idle connection is a socket, its
/// deadline and a kilobyte: buffers and parser go to whichever connection has a request.
class Server {
  public:
    /// `metrics` and `access_log` may be null and must outlive the server; `name` labels its series
    /// (doorbuster_http_requests_total and doorbuster_http_request_seconds by route pattern and
    /// status).
    Server(
        net::Executor executor,
        ServerLimits limits,
        const Router& router,
        metrics::Registry* metrics,
        std::string name,
        AccessLog* access_log = nullptr
    );
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Binds and accepts. Port 0 takes a free one. Throws std::system_error.
    void listen(const std::string& address, std::uint16_t port);
    std::uint16_t port() const;

    /// From now on every response says `Connection: close`, while new connections are still
    /// accepted: callers that pool connections leave before drain() has to close an idle one,
    /// which could cross with a request.
    void close_after_responses();

    /// Stops accepting, answers what is under way with `Connection: close`, closes idle
    /// connections (a second later those on which no request ever came: it may be on its way);
    /// returns when all are closed or drain_timeout_ms passed.
    net::awaitable<void> drain();

    std::size_t connections() const;

  private:
    class Core;
    class Connection;
    std::shared_ptr<Core> core_;
};

}  // namespace http
