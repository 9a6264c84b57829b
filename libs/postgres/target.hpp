#pragma once

#include <string>
#include <utility>
#include <vector>

#include "net/net.hpp"
#include "postgres/pool.hpp"

namespace postgres {

/// Where and how to connect, read once from PoolSettings::url; holds the password, never shown.
class Target {
  public:
    /// Throws std::invalid_argument, without the URL's text, if it can't be read.
    explicit Target(const PoolSettings& settings);

    /// libpq's keywords and values, with the server's addresses resolved, so that libpq itself
    /// never asks the (blocking) resolver. Throws Error (Effect::none).
    net::awaitable<std::vector<std::pair<std::string, std::string>>> resolved(
        net::Executor executor, net::Deadline deadline
    ) const;

  private:
    std::vector<std::pair<std::string, std::string>> options_;
    std::string host_;
    std::string port_;
};

}  // namespace postgres
