#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "base/environment.hpp"
#include "http/router.hpp"
#include "net/net.hpp"
#include "service/context.hpp"

namespace service {

/// A room as its frame sees it. Made after the configuration was read without a problem.
class App {
  public:
    virtual ~App() = default;

    virtual const http::Router& router() const = 0;

    /// Begins background work. Must not wait for neighbours: a room starts without them.
    virtual void start() = 0;

    /// Empty when ready to serve; else why not ("schema orders is at 2, 3 is needed"). Never
    /// depends on a neighbour being up right now.
    virtual std::string not_ready_because() const { return {}; }

    /// After the last request was answered: give back what others wait for (locks, leases).
    /// What takes longer than DRAIN_TIMEOUT_MS is abandoned.
    virtual net::awaitable<void> stop() { co_return; }
};

/// Reads the room's variables and makes it. Called first with a null `context`, to find every
/// problem and to describe the variables for --help (the result is then not used): it must do
/// nothing but read then. It may add problems, or throw, when it makes the room.
using Maker = std::function<std::unique_ptr<App>(base::Environment&, Context* context)>;

/// The whole life of a service process, the same for every room: --help and --version; common
/// variables (LISTEN_ADDRESS, LISTEN_PORT, HEALTH_PORT, LOG_LEVEL, limits of http::ServerLimits);
/// configuration problems all at once, each with how to fix it (exit 2); the serving port; the
/// health port with /livez, /readyz, /metrics (room of its own, so that overload can't starve it);
/// on SIGTERM or SIGINT: not ready, drain, App::stop, exit 0; a second signal ends at once.
/// `purpose`: what the room is, in a sentence or two, for --help.
int run(
    int argc, char** argv, std::string_view name, const Maker& maker, std::string_view purpose = {}
);

}  // namespace service
