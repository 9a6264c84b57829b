#include "cli/preflight/interruption.hpp"

#include <csignal>
#include <cstdlib>
#include <iostream>

namespace cli::preflight {
namespace {

constexpr int exit_of_signals = 128;

}  // namespace

Interruption::Interruption(const net::Executor& executor, Checks& checks)
    : checks_(checks), signals_(executor, SIGINT, SIGTERM) {
    signals_.async_wait([this](const boost::system::error_code& error, int signal) {
        if (!error) first(signal);
    });
}

int Interruption::exit_code() const {
    return signal_ == 0 ? 0 : exit_of_signals + signal_;
}

void Interruption::first(int signal) {
    signal_ = signal;
    checks_.stop(signal == SIGINT ? "interrupted by SIGINT" : "interrupted by SIGTERM");
    std::cerr << "\ndoorbuster: interrupted; ends what is under way and cleans up, within 20 s. "
                 "A second signal ends at once and may leave a scratch sale open\n";
    end_at_second();
}

void Interruption::end_at_second() {
    signals_.async_wait([](const boost::system::error_code& error, int signal) {
        if (!error) std::_Exit(exit_of_signals + signal);
    });
}

}  // namespace cli::preflight
