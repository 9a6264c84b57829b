#include "cli/preflight/gateway_clock.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include "cli/preflight/our_clock.hpp"
#include "cli/preflight/resolve.hpp"
#include "http/message.hpp"
#include "net/event.hpp"
#include "net/watchdog.hpp"

namespace cli::preflight {
namespace {

namespace asio = net::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr int looks = 22;
constexpr std::chrono::milliseconds between_looks{50};
constexpr double date_resolution_ms = 1000;
constexpr std::size_t head_bytes_max = 16 * 1024;

constexpr auto use_result = asio::as_tuple(asio::use_awaitable);

/// The value of the Date field of a response's head.
std::string date_of(const std::string& head) {
    std::size_t begin = 0;
    while (begin < head.size()) {
        const auto end = std::min(head.find("\r\n", begin), head.size());
        const auto line = std::string_view(head).substr(begin, end - begin);
        const auto colon = line.find(':');
        if (colon != std::string_view::npos &&
            http::equal_ignoring_case(line.substr(0, colon), "Date")) {
            const auto value = line.find_first_not_of(' ', colon + 1);
            return value == std::string_view::npos ? "" : std::string(line.substr(value));
        }
        begin = end + 2;
    }
    return {};
}

void require(const error_code& error, const std::string& what) {
    if (error) throw std::runtime_error(what + ": " + error.message());
}

/// One exchange on a connection of its own, whose body is left unread.
net::awaitable<ClockOffset> look(tcp::endpoint endpoint, std::string host, net::Deadline deadline) {
    const net::Executor executor = co_await asio::this_coro::executor;
    // Shared with the watchdog, which may fire in the same turn of the loop in which this ends.
    const auto socket = std::make_shared<tcp::socket>(executor);
    net::Watchdog watchdog(executor, [socket] {
        error_code ignored;
        socket->close(ignored);
    });
    watchdog.expire_at(deadline);
    const auto [refused] = co_await socket->async_connect(endpoint, use_result);
    require(refused, "can't connect to the gateway");
    const std::string request =
        fmt::format("GET /api/v1/echo HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", host);
    const double asked_at = our_clock_ms();
    const auto [unsent, sent] =
        co_await asio::async_write(*socket, asio::buffer(request), use_result);
    require(unsent, "can't ask the gateway");
    std::string answer;
    auto buffer = asio::dynamic_buffer(answer, head_bytes_max);
    const auto [unheard, size] =
        co_await asio::async_read_until(*socket, buffer, "\r\n\r\n", use_result);
    const double heard_at = our_clock_ms();
    require(unheard, "the gateway does not answer");
    const auto shown = parse_http_date(date_of(answer.substr(0, size)));
    if (!shown) throw std::runtime_error("the gateway's answer has no Date");
    co_return ClockOffset::of(static_cast<double>(*shown), date_resolution_ms, asked_at, heard_at);
}

}  // namespace

net::awaitable<ClockOffset> read_gateway_clock(http::Origin origin, net::Deadline deadline) {
    const auto addresses = co_await resolve(origin.host, deadline);
    const tcp::endpoint endpoint(asio::ip::make_address(addresses.front()), origin.port);
    const std::string host = origin.to_string();
    std::optional<ClockOffset> offset;
    for (int number = 0; number < looks; ++number) {
        if (number > 0) co_await net::sleep_for(between_looks);
        const ClockOffset seen = co_await look(endpoint, host, deadline);
        offset = offset ? offset->with(seen) : seen;
    }
    co_return *offset;
}

}  // namespace cli::preflight
