#pragma once

#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/environment.hpp"
#include "net/net.hpp"

namespace CLI {
class App;
}

namespace cli {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;  ///< tried and failed, or an invariant is broken
inline constexpr int exit_usage = 2;   ///< wrong arguments or configuration; nothing was tried

/// Wrong arguments or configuration; the text says how to fix it.
class UsageError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// What was asked for could not be done; the text says why and what to do.
class Failure : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// What the chosen command does once the whole command line was read; returns the exit code.
using Action = std::function<int()>;

void add_migrate(CLI::App& root, Action& chosen);
void add_admin(CLI::App& root, Action& chosen);
void add_account(CLI::App& root, Action& chosen);
void add_keys(CLI::App& root, Action& chosen);
/// `admin grant` and `admin revoke`.
void add_roles(CLI::App& admin, Action& chosen);
void add_customers(CLI::App& root, Action& chosen);
void add_catalogue(CLI::App& root, Action& chosen);
void add_stock(CLI::App& root, Action& chosen);
void add_sale(CLI::App& root, Action& chosen);
void add_order(CLI::App& root, Action& chosen);
void add_audit(CLI::App& root, Action& chosen);
void add_preflight(CLI::App& root, Action& chosen);
void add_completion(CLI::App& root, Action& chosen);

/// Throws UsageError with every problem found in the environment.
void require_sound(const base::Environment& environment);

/// Runs work on a loop of its own to the end; throws what it threw.
template <class T>
T run(net::asio::io_context& loop, net::awaitable<T> work) {
    std::exception_ptr failure;
    std::optional<T> value;
    net::asio::co_spawn(loop, std::move(work), [&](std::exception_ptr error, T result) {
        failure = error;
        if (!error) value.emplace(std::move(result));
        loop.stop();
    });
    loop.restart();
    loop.run();
    if (failure) std::rethrow_exception(failure);
    return std::move(*value);
}

inline void run(net::asio::io_context& loop, net::awaitable<void> work) {
    std::exception_ptr failure;
    net::asio::co_spawn(loop, std::move(work), [&](std::exception_ptr error) {
        failure = error;
        loop.stop();
    });
    loop.restart();
    loop.run();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace cli
