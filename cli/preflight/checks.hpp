#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/preflight/finding.hpp"
#include "net/net.hpp"

namespace cli::preflight {

/// Told before each check what is being looked at.
using Progress = std::function<void(std::string_view check)>;

/// Runs checks one after another and keeps what each found. A check that throws has failed, with
/// the error's text; the next one is run all the same. Past the end of the whole time checks fail
/// without being run.
class Checks {
  public:
    Checks(net::Deadline end, Progress progress) : end_(end), progress_(std::move(progress)) {}

    /// Of the checks that follow.
    void set_area(std::string area) { area_ = std::move(area); }
    void add(std::string check, Judgement judgement);
    /// `fix`: what to do if the check can't be made. Returns false if it failed.
    net::awaitable<bool> run(std::string check, net::awaitable<Judgement> work, std::string fix);

    /// In so much time, or when the whole time is over.
    net::Deadline deadline_in(std::chrono::milliseconds time) const;
    bool is_over() const { return net::SteadyClock::now() >= end_; }

    const std::vector<Finding>& findings() const { return findings_; }

  private:
    net::Deadline end_;
    Progress progress_;
    std::string area_;
    std::vector<Finding> findings_;
};

}  // namespace cli::preflight
