#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/preflight/finding.hpp"

namespace cli::preflight {

// What the rooms must be like before a sale. Pure: facts in, judgement out.

/// One pod's answer to /readyz.
struct PodAnswer {
    std::string address;
    /// Its name was looked up rather than its address given: a headless Service lists only pods
    /// that are ready, so that such a pod counts even where its health port can't be reached.
    bool is_listed = false;
    int status = 0;       ///< 0: no answer
    std::string trouble;  ///< why it is not ready, or why there is no answer
};
Judgement judge_pods(const std::vector<PodAnswer>& pods, int wanted);

/// `key_id`: of the signing key that was given, empty if none was.
Judgement judge_jwks(std::string_view jwks, const std::string& key_id);

}  // namespace cli::preflight
