#pragma once

#include <string>

#include "base/neighbour_error.hpp"

namespace postgres {

/// The database did not do what was asked.
///  - Effect::none:    no connection, or the server answered with an error (the transaction is
///                     rolled back; `sqlstate` says why)
///  - Effect::unknown: sent, and no answer came (timeout, broken connection); the connection is
///                     closed, the statement may still commit
class Error : public base::NeighbourError {
  public:
    Error(const std::string& what, Effect effect, std::string sqlstate = {})
        : NeighbourError("postgres", what, effect), sqlstate_(std::move(sqlstate)) {}

    /// Five characters, empty if the server did not speak.
    const std::string& sqlstate() const { return sqlstate_; }
    bool is_unique_violation() const { return sqlstate_ == "23505"; }
    bool is_check_violation() const { return sqlstate_ == "23514"; }

  private:
    std::string sqlstate_;
};

}  // namespace postgres
