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
/// without being run, and one that failed when it came says so: its neighbour may be sound.
class Checks {
  public:
    Checks(net::Deadline end, Progress progress) : end_(end), progress_(std::move(progress)) {}

    /// Of the checks that follow.
    void set_area(std::string area) { area_ = std::move(area); }
    void add(std::string check, Judgement judgement);
    /// `fix`: what to do if the check can't be made. Returns false if it failed.
    net::awaitable<bool> run(std::string check, net::awaitable<Judgement> work, std::string fix);
    /// Also past the end: what takes away what checks have made. Its deadlines are its own.
    net::awaitable<bool> run_in_any_case(
        std::string check, net::awaitable<Judgement> work, std::string fix
    );

    /// Ends the whole time now. `why`: what the checks that follow say was the matter.
    void stop(std::string why);

    /// In so much time, or when the whole time is over.
    net::Deadline deadline_in(std::chrono::milliseconds time) const;
    bool is_over() const { return net::SteadyClock::now() >= end_; }

    const std::vector<Finding>& findings() const { return findings_; }

  private:
    net::awaitable<Judgement> make(
        const std::string& check, net::awaitable<Judgement> work, std::string fix
    );
    bool keep(std::string check, Judgement judgement);

    net::Deadline end_;
    std::string why_over_ = "the time was over";
    std::string fix_over_ = "repair what failed before it, or raise --timeout-s";
    Progress progress_;
    std::string area_;
    std::vector<Finding> findings_;
};

}  // namespace cli::preflight
