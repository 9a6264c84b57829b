#include "cli/preflight/checks.hpp"

#include <algorithm>

namespace cli::preflight {

void Checks::add(std::string check, Judgement judgement) {
    findings_.push_back({area_, std::move(check), std::move(judgement)});
}

net::awaitable<Judgement> Checks::make(
    const std::string& check, net::awaitable<Judgement> work, std::string fix
) {
    progress_(area_ + ": " + check);
    Judgement judgement;
    try {
        judgement = co_await std::move(work);
    } catch (const std::exception& error) {
        judgement = failed(error.what(), std::move(fix));
    }
    co_return judgement;
}

bool Checks::keep(std::string check, Judgement judgement) {
    const bool is_good = judgement.verdict != Verdict::failed;
    add(std::move(check), std::move(judgement));
    return is_good;
}

net::awaitable<bool> Checks::run(
    std::string check, net::awaitable<Judgement> work, std::string fix
) {
    if (is_over()) {
        add(std::move(check), failed("not looked at: " + why_over_, fix_over_));
        co_return false;
    }
    Judgement judgement = co_await make(check, std::move(work), std::move(fix));
    if (judgement.verdict == Verdict::failed && is_over()) {
        judgement.found = why_over_ + ": " + judgement.found;
        judgement.fix = fix_over_ + "; if it fails again: " + judgement.fix;
    }
    co_return keep(std::move(check), std::move(judgement));
}

net::awaitable<bool> Checks::run_in_any_case(
    std::string check, net::awaitable<Judgement> work, std::string fix
) {
    Judgement judgement = co_await make(check, std::move(work), std::move(fix));
    co_return keep(std::move(check), std::move(judgement));
}

void Checks::stop(std::string why) {
    end_ = std::min(end_, net::SteadyClock::now());
    why_over_ = std::move(why);
    fix_over_ = "run preflight again";
}

net::Deadline Checks::deadline_in(std::chrono::milliseconds time) const {
    return std::min(end_, net::deadline_in(time));
}

}  // namespace cli::preflight
