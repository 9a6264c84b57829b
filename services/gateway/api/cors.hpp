#pragma once

#include <string>
#include <string_view>

#include "gateway/domain/cross_origin.hpp"
#include "http/router.hpp"

namespace gateway {

struct CorsSettings {
    CrossOrigin allowed;
    bool with_credentials = false;  ///< cookies; the shop itself knows only bearer tokens
    std::int64_t max_age_s = 600;   ///< how long a browser may remember a preflight's answer
};

/// Answers browsers that ask on behalf of other sites' pages. Owned by the room; must outlive the
/// router.
class Cors {
  public:
    explicit Cors(CorsSettings settings) : settings_(std::move(settings)) {}

    /// Adds the answers to preflights of every path, and to every other answer of this router's
    /// server what browsers must be told; nothing if no site is allowed.
    void add_to(http::Router& router) const;

    /// `handler`, which serves OPTIONS itself, but for preflights; `handler` itself if no site is
    /// allowed.
    http::Handler before(http::Handler handler) const;

  private:
    net::awaitable<http::Response> answer_options(const http::Request& request) const;
    http::Response preflight(const http::Request& request) const;
    void decorate(const http::Request& request, http::Response& response) const;
    bool allows(const http::Request& request) const;

    CorsSettings settings_;
};

}  // namespace gateway
