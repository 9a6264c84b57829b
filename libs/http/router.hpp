#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.hpp"

namespace http {

using Handler = std::function<net::awaitable<Response>(Request&)>;

/// Adds to an answer what a room says in each of them. `request`: as its handler left it; of one
/// that could not be read no more than its headers, if so much came.
using Decoration = std::function<void(const Request& request, Response& answer)>;

/// Who is let in when as many requests are under way as the server takes (ServerLimits).
enum class Admission {
    common,   ///< nobody: 503 at once
    reserved  ///< some more: what operators need while the shop is flooded
};

/// Finds the handler of a request: one table per room, in api/routes.cpp. Patterns are literal
/// segments and {parameters}: "/api/v1/orders/{id}/pay". A trailing "/*" matches any rest.
/// A literal segment wins over a parameter, a parameter over "/*", whatever the order of adding;
/// HEAD is served by the route of GET unless it has its own. Must not change while requests run.
/// No match is 404 `route_unknown`; a known path with another method 405 with Allow. A "/*" makes
/// no path known.
class Router {
  public:
    struct Route {
        std::string method;  ///< "GET", or "*" for any
        std::string pattern;
    };

    void add(
        std::string method,
        std::string pattern,
        Handler handler,
        Admission admission = Admission::common
    );

    net::awaitable<Response> handle(Request& request) const;

    /// For every answer of a server with this router, also those that no handler made: 404, 405,
    /// refusals of what can't be read or comes too late, 503 `busy`, failures of handlers. Runs on
    /// the server's loop and must not throw.
    void decorate_with(Decoration decoration) { decoration_ = std::move(decoration); }
    void decorate(const Request& request, Response& answer) const {
        if (decoration_) decoration_(request, answer);
    }

    /// Of the route that would serve this.
    Admission admission(const Request& request) const;

    /// All routes, for the test that compares them with the contract.
    std::vector<Route> routes() const;

  private:
    struct Entry {
        Route route;
        std::vector<std::string> segments;
        Handler handler;
        Admission admission = Admission::common;
    };
    struct Match;

    Match find(std::string_view method, std::string_view path) const;

    /// Most specific first. Handed out by pointer, so that views of patterns stay valid.
    std::vector<std::unique_ptr<Entry>> entries_;
    Decoration decoration_;
};

}  // namespace http
