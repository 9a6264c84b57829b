#include "cli/preflight/resolve.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace cli::preflight {
namespace {

using net::asio::ip::tcp;

/// Shared with the resolver, which can't be interrupted and may answer too late.
struct Resolving {
    Resolving(const net::Executor& executor, net::Deadline deadline)
        : resolver(executor), timer(executor, deadline) {}

    tcp::resolver resolver;
    net::asio::steady_timer timer;
    boost::system::error_code error = net::asio::error::timed_out;
    std::vector<std::string> addresses;
};

}  // namespace

bool is_numeric(const std::string& host) {
    boost::system::error_code error;
    net::asio::ip::make_address(host, error);
    return !error;
}

net::awaitable<std::vector<std::string>> resolve(std::string host, net::Deadline deadline) {
    const net::Executor executor = co_await net::asio::this_coro::executor;
    const auto resolving = std::make_shared<Resolving>(executor, deadline);
    auto take = [resolving](
                    boost::system::error_code error, const tcp::resolver::results_type& found
                ) {
        resolving->error = error;
        for (const auto& entry : found) {
            const std::string address = entry.endpoint().address().to_string();
            if (std::ranges::find(resolving->addresses, address) == resolving->addresses.end()) {
                resolving->addresses.push_back(address);
            }
        }
        resolving->timer.cancel();
    };
    resolving->resolver.async_resolve(host, "", std::move(take));
    co_await resolving->timer.async_wait(net::asio::as_tuple(net::asio::use_awaitable));
    if (resolving->error || resolving->addresses.empty()) {
        throw std::runtime_error("can't resolve " + host + ": " + resolving->error.message());
    }
    co_return resolving->addresses;
}

}  // namespace cli::preflight
