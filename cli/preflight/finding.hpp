#pragma once

#include <string>

namespace cli::preflight {

enum class Verdict { ok, warning, failed };

/// What was seen of one thing, what that means for a sale, and what to do unless it is fine.
struct Judgement {
    Verdict verdict = Verdict::ok;
    std::string found;
    std::string fix;
};

inline Judgement ok(std::string found) {
    return {Verdict::ok, std::move(found), {}};
}
inline Judgement warning(std::string found, std::string fix) {
    return {Verdict::warning, std::move(found), std::move(fix)};
}
inline Judgement failed(std::string found, std::string fix) {
    return {Verdict::failed, std::move(found), std::move(fix)};
}

/// A row of the report.
struct Finding {
    std::string area;
    std::string check;
    Judgement judgement;
};

}  // namespace cli::preflight
