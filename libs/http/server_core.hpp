#pragma once

// The two halves of http::Server, for each other alone: what all connections of a server share
// (server.cpp), and the life of one of them (connection.cpp).

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "http/access_log.hpp"
#include "http/negotiation.hpp"
#include "http/request_reader.hpp"
#include "http/server.hpp"
#include "http/write_message.hpp"
#include "logging/logging.hpp"
#include "net/event.hpp"

namespace http {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;
using std::chrono::milliseconds;

/// Completes with the error as a value: one broken connection is nothing to throw about.
inline constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

/// What a connection needs from the first byte of a request to its answer. Idle connections, most
/// of them, have none: it goes from one to the next, warm.
struct Work {
    explicit Work(const ServerLimits& limits) : reader(limits) {}

    RequestReader reader;
    Request request;
    Negotiation::Wishes wishes;
};

/// What all connections of a server share, and who is let in. Lives until the last coroutine of a
/// connection ended, perhaps longer than its Server: `gone` says that what it refers to is not
/// there any more.
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
    /// The last of every answer: what the room adds to it, then metrics and log.
    void finish(const Request& request, Response& response, net::Deadline began);
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
    void count(const Request& request, const Response& response, net::Deadline began);
    void log_failure(const Request& request, std::string_view what, logging::Level level);

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

}  // namespace http
