#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/neighbour_error.hpp"
#include "http/message.hpp"
#include "net/net.hpp"

namespace http {

struct Origin {
    std::string host;
    std::uint16_t port = 80;

    /// Reads "host:port" or "http://host:port".
    static std::optional<Origin> parse(std::string_view text);
    std::string to_string() const;
    auto operator<=>(const Origin&) const = default;
};

struct ClientLimits {
    std::size_t connections_max = 512;  ///< to this origin
    std::size_t waiting_max = 4096;     ///< callers waiting for a connection
    std::int64_t connect_timeout_ms = 1000;
    std::int64_t idle_timeout_ms = 60000;  ///< an idle pooled connection is closed after it
    std::size_t response_bytes_max = 4 * 1024 * 1024;
};

/// How far a failed exchange came; decides whether it may be sent again.
class TransportError : public base::NeighbourError {
  public:
    enum class Stage {
        queue,     ///< no connection came free in time, or too many waiting
        connect,   ///< refused, unreachable or timed out
        exchange,  ///< sent at least in part; no byte of the response came
        response   ///< the response began and broke off
    };
    TransportError(const Origin& origin, Stage stage, bool timed_out, const std::string& what);

    Stage stage() const { return stage_; }
    bool timed_out() const { return timed_out_; }

  private:
    Stage stage_;
    bool timed_out_;
};

struct OutgoingRequest {
    std::string method = "GET";
    std::string target = "/";
    Headers headers;  ///< without Host, Content-Length, Connection, traceparent
    std::string body;
    /// Whose doing this is: Request::trace. A new trace if absent, as for work of one's own.
    std::optional<TraceContext> trace = {};
    /// Told in X-Deadline-Ms, which is then not among the headers.
    std::optional<std::chrono::milliseconds> time_told = {};
    /// Gets the origin asked, and one request more; may be null, else must outlive the sending.
    RequestNotes* notes = nullptr;
};

/// A bounded pool of keep-alive connections to one origin. A pooled connection that the peer closed
/// before any response byte came is replaced once, silently, if the request is safe to repeat
/// (GET, HEAD, or Idempotency-Key present). Names are resolved anew on each connect.
class Client {
  public:
    Client(net::Executor executor, Origin origin, ClientLimits limits);
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    /// Sends and reads the whole response; throws TransportError. On a timeout the connection is
    /// closed, never reused.
    /// The response comes without its framing (Content-Length, Transfer-Encoding, Connection,
    /// Keep-Alive, Date).
    net::awaitable<Response> send(OutgoingRequest request, net::Deadline deadline);

    /// As send, without a copy of the request, which must live until this returned.
    net::awaitable<Response> send_kept(const OutgoingRequest& request, net::Deadline deadline);

    const Origin& origin() const;
    std::size_t connections() const;  ///< open or being opened
    std::size_t waiting() const;      ///< callers without a connection yet

  private:
    class Core;
    class Connection;
    std::shared_ptr<Core> core_;
};

}  // namespace http
