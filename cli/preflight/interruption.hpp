#pragma once

#include <boost/asio/signal_set.hpp>

#include "cli/preflight/checks.hpp"
#include "net/net.hpp"

namespace cli::preflight {

/// While it lives, SIGINT and SIGTERM end the checks' time instead of the process: what is under
/// way ends, and what was made for it is taken away. A second signal ends the process at once.
class Interruption {
  public:
    Interruption(const net::Executor& executor, Checks& checks);
    Interruption(const Interruption&) = delete;
    Interruption& operator=(const Interruption&) = delete;

    /// 0 if none came, else what a shell shows of a process that a signal ended.
    int exit_code() const;

  private:
    void first(int signal);
    void end_at_second();

    Checks& checks_;
    net::asio::signal_set signals_;
    int signal_ = 0;
};

}  // namespace cli::preflight
