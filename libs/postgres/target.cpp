#include "postgres/target.hpp"

#include <memory>
#include <stdexcept>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <libpq-fe.h>

namespace postgres {
namespace {

using Options = std::vector<std::pair<std::string, std::string>>;

/// More addresses of one name than this are not tried.
constexpr std::size_t addresses_max = 4;

std::string* find(Options& options, std::string_view name) {
    for (auto& [option, value] : options) {
        if (option == name) return &value;
    }
    return nullptr;
}

void set_default(Options& options, std::string_view name, std::string_view value) {
    if (!find(options, name)) options.emplace_back(name, value);
}

Options parse(const std::string& url) {
    char* message = nullptr;
    const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> parsed(
        PQconninfoParse(url.c_str(), &message), PQconninfoFree
    );
    // libpq's message may quote the URL, password included: it is dropped.
    PQfreemem(message);
    if (!parsed) {
        throw std::invalid_argument(
            "the database URL can't be read; it has the form "
            "postgresql://user:password@host:port/database"
        );
    }
    Options options;
    for (const auto* option = parsed.get(); option->keyword != nullptr; ++option) {
        if (option->val != nullptr) options.emplace_back(option->keyword, option->val);
    }
    return options;
}

/// Shared by the waiting coroutine and the resolver, whose answer may come too late. The timer,
/// which also is the deadline, alone wakes the coroutine.
struct Resolving {
    Resolving(const net::Executor& executor, net::Deadline deadline)
        : resolver(executor), timer(executor, deadline) {}

    net::asio::ip::tcp::resolver resolver;
    net::asio::steady_timer timer;
    boost::system::error_code error = net::asio::error::timed_out;
    std::vector<std::string> addresses;
};

/// getaddrinfo can't be interrupted, so the deadline leaves the look-up behind instead of
/// waiting for it.
net::awaitable<std::shared_ptr<const Resolving>> resolve(
    net::Executor executor, std::string host, std::string port, net::Deadline deadline
) {
    using Found = net::asio::ip::tcp::resolver::results_type;
    const auto resolving = std::make_shared<Resolving>(executor, deadline);
    auto take = [resolving](boost::system::error_code error, const Found& found) {
        resolving->error = error;
        for (const auto& entry : found) {
            if (resolving->addresses.size() == addresses_max) break;
            resolving->addresses.push_back(entry.endpoint().address().to_string());
        }
        resolving->timer.cancel();
    };
    resolving->resolver.async_resolve(host, port, std::move(take));
    co_await resolving->timer.async_wait(net::asio::as_tuple(net::asio::use_awaitable));
    co_return resolving;
}

std::string repeated(const std::string& text, std::size_t times) {
    std::string joined = text;
    for (std::size_t index = 1; index < times; ++index) joined += "," + text;
    return joined;
}

}  // namespace

Target::Target(const PoolSettings& settings) : options_(parse(settings.url)) {
    std::string server_options = fmt::format(
        "-c statement_timeout={} -c lock_timeout={} -c idle_in_transaction_session_timeout={} "
        "-c client_min_messages=warning",
        settings.statement_timeout_ms,
        settings.lock_timeout_ms,
        settings.idle_in_transaction_timeout_ms
    );
    if (auto* given = find(options_, "options")) {
        *given += " " + server_options;
    } else {
        options_.emplace_back("options", std::move(server_options));
    }
    if (!settings.application_name.empty()) {
        set_default(options_, "application_name", settings.application_name);
    }
    set_default(options_, "client_encoding", "UTF8");
    // Looking for Kerberos tickets may block, and nothing here uses them.
    set_default(options_, "gssencmode", "disable");

    if (const auto* host = find(options_, "host")) host_ = *host;
    if (const auto* port = find(options_, "port")) port_ = *port;
    if (port_.empty()) port_ = "5432";
    // A list of hosts or an address given outright is libpq's own affair.
    if (find(options_, "hostaddr") || host_.find(',') != std::string::npos) host_.clear();
}

net::awaitable<Options> Target::resolved(net::Executor executor, net::Deadline deadline) const {
    Options options = options_;
    if (host_.empty() || host_.starts_with('/')) co_return options;
    boost::system::error_code not_numeric;
    const auto address = net::asio::ip::make_address(host_, not_numeric);
    if (!not_numeric) {
        options.emplace_back("hostaddr", address.to_string());
        co_return options;
    }
    const auto found = co_await resolve(executor, host_, port_, deadline);
    if (found->error || found->addresses.empty()) {
        throw Error(
            fmt::format("can't resolve {}: {}", host_, found->error.message()), Error::Effect::none
        );
    }
    options.emplace_back("hostaddr", fmt::format("{}", fmt::join(found->addresses, ",")));
    *find(options, "host") = repeated(host_, found->addresses.size());
    co_return options;
}

}  // namespace postgres
