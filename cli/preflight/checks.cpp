#include "cli/preflight/checks.hpp"

#include <algorithm>

namespace cli::preflight {

void Checks::add(std::string check, Judgement judgement) {
    findings_.push_back({area_, std::move(check), std::move(judgement)});
}

net::awaitable<bool> Checks::run(
    std::string check, net::awaitable<Judgement> work, std::string fix
) {
    if (is_over()) {
        add(std::move(check),
            failed(
                "not looked at: the time was over", "repair what failed before it, or --timeout-s"
            ));
        co_return false;
    }
    progress_(area_ + ": " + check);
    Judgement judgement;
    try {
        judgement = co_await std::move(work);
    } catch (const std::exception& error) {
        judgement = failed(error.what(), std::move(fix));
    }
    const bool is_good = judgement.verdict != Verdict::failed;
    add(std::move(check), std::move(judgement));
    co_return is_good;
}

net::Deadline Checks::deadline_in(std::chrono::milliseconds time) const {
    return std::min(end_, net::deadline_in(time));
}

}  // namespace cli::preflight
