#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/preflight/finding.hpp"
#include "http/client.hpp"

namespace cli::preflight {

// What the rooms must be like before a sale. Pure: facts in, judgement out.

/// One pod's answer to /readyz.
struct PodAnswer {
    std::string address;
    /// Its name was looked up rather than its address given: a headless Service lists only pods
    /// that are ready, so that such a pod counts even where network rules hide its health port.
    bool is_listed = false;
    bool is_hidden = false;  ///< nothing came back from there
    int status = 0;          ///< 0: no answer
    std::string trouble;     ///< why it is not ready, or why there is no answer
};
/// Whether rules between here and there would explain it: they swallow what is sent, or say that
/// there is no way. One that refuses or breaks off is a host on which something is wrong.
bool may_be_hidden(const http::TransportError& error);

Judgement judge_pods(const std::vector<PodAnswer>& pods, int wanted);

/// What /metrics of a gateway's pods say of requests that were to be limited by their client's
/// address: `metrics` are their texts. A warning where addresses that arrive are not clients', as
/// of one such request in twenty.
Judgement judge_addresses(const std::vector<std::string>& metrics);

/// `key_id`: of the signing key that was given, empty if none was.
Judgement judge_jwks(std::string_view jwks, const std::string& key_id);

}  // namespace cli::preflight
