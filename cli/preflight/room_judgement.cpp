#include "cli/preflight/room_judgement.hpp"

#include <cstdlib>

#include <boost/asio/error.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "json/json.hpp"

namespace cli::preflight {

bool may_be_hidden(const http::TransportError& error) {
    if (error.stage() != http::TransportError::Stage::connect) return false;
    // The client tells the system's error by its text only.
    const auto refused = make_error_code(boost::asio::error::connection_refused).message();
    return !std::string_view(error.what()).contains(refused);
}

Judgement judge_pods(const std::vector<PodAnswer>& pods, int wanted) {
    int ready = 0;
    int hidden = 0;
    std::vector<std::string> troubles;
    for (const PodAnswer& pod : pods) {
        if (pod.status == 200) {
            ++ready;
        } else if (pod.status == 0 && pod.is_listed && pod.is_hidden) {
            ++hidden;
            troubles.push_back(pod.address + " is listed, but " + pod.trouble);
        } else {
            troubles.push_back(
                pod.status == 0 ? pod.address + ": " + pod.trouble
                                : fmt::format("{}: {} {}", pod.address, pod.status, pod.trouble)
            );
        }
    }
    const std::string found = fmt::format(
        "{} ready of {} wanted{}{}",
        ready + hidden,
        wanted,
        troubles.empty() ? "" : ": ",
        fmt::join(troubles, "; ")
    );
    const char* const fix =
        "start the pods that are missing, and see the log of one that is not "
        "ready or refuses connections (--health-port, and rules of the network may refuse them, "
        "too); --room-pods says how many are wanted";
    if (ready + hidden < wanted || static_cast<std::size_t>(ready + hidden) < pods.size()) {
        return failed(found, fix);
    }
    if (hidden > 0) {
        return warning(found, "let this command reach the pods' health port, or ask them by hand");
    }
    return ok(found);
}

namespace {

/// Of requests that were to be limited by address, one in so many is worth a warning: anybody can
/// send a few with a header of his own. The same in the gateway's log (Unattributed).
constexpr std::int64_t worth_one_in = 20;

/// The sum over all pods; 0 for a gateway that has no such metric.
std::int64_t sum_of(const std::vector<std::string>& metrics, std::string series) {
    series.push_back(' ');
    double sum = 0;
    for (const std::string& text : metrics) {
        const auto begin = text.find(series);
        if (begin == std::string::npos) continue;
        sum += std::strtod(text.c_str() + begin + series.size(), nullptr);
    }
    return static_cast<std::int64_t>(sum);
}

std::int64_t unattributed(const std::vector<std::string>& metrics, std::string_view why) {
    return sum_of(
        metrics, fmt::format("doorbuster_gateway_unattributed_requests_total{{why=\"{}\"}}", why)
    );
}

/// What was counted against limits by address. `browse` has customers' accounts, too: no matter.
std::int64_t limited(const std::vector<std::string>& metrics) {
    std::int64_t sum = 0;
    for (const auto* limit : {"browse", "sign_in", "refresh", "invalid_token"}) {
        for (const auto* outcome : {"granted", "refused"}) {
            sum += sum_of(
                metrics,
                fmt::format(
                    "doorbuster_gateway_limit_checks_total{{limit=\"{}\",outcome=\"{}\"}}",
                    limit,
                    outcome
                )
            );
        }
    }
    return sum;
}

}  // namespace

Judgement judge_addresses(const std::vector<std::string>& metrics) {
    const std::int64_t hidden = unattributed(metrics, "proxies_only");
    const std::int64_t foreign = unattributed(metrics, "proxy_unknown");
    const std::int64_t alone = unattributed(metrics, "proxy_alone");
    // Those of trusted addresses are counted against no limit.
    const std::int64_t all = limited(metrics) + hidden + alone;
    const auto is_worth_a_warning = [&](std::int64_t requests) {
        return requests > 0 && requests * worth_one_in >= all;
    };
    if (is_worth_a_warning(hidden)) {
        return warning(
            fmt::format(
                "{} of {} requests told trusted proxies alone: their limits did not hold",
                hidden,
                all
            ),
            "nobody is limited by address: let the load balancer keep its clients' addresses "
            "(externalTrafficPolicy: Local), or limit them there"
        );
    }
    if (is_worth_a_warning(foreign)) {
        return warning(
            fmt::format(
                "{} of {} requests had an X-Forwarded-For of an address that is not trusted",
                foreign,
                all
            ),
            "if the gateway's log names a proxy of yours, add it to TRUSTED_PROXIES: all of its "
            "clients are limited as one"
        );
    }
    const std::string from = fmt::format("seen by {} of the gateway's pods", metrics.size());
    if (hidden + foreign + alone == 0) return ok(from);
    // This command's own among them, inside of a cluster.
    return ok(fmt::format(
        "{}; of {} requests {} told trusted proxies alone, {} had an X-Forwarded-For of an address "
        "that is not trusted, {} came from trusted addresses themselves",
        from,
        all,
        hidden,
        foreign,
        alone
    ));
}

Judgement judge_jwks(std::string_view jwks, const std::string& key_id) {
    const char* const fix = "see auth's log; it must have the same JWT_SIGNING_KEY as this command";
    const auto document = json::parse(jwks);
    const auto* object = document ? document->if_object() : nullptr;
    const auto* keys = object != nullptr ? object->if_contains("keys") : nullptr;
    if (keys == nullptr || !keys->is_array() || keys->get_array().empty()) {
        return failed("no keys are served", fix);
    }
    const std::size_t count = keys->get_array().size();
    if (key_id.empty()) return ok(fmt::format("keys served: {}", count));
    for (const json::Value& key : keys->get_array()) {
        const auto* id = key.is_object() ? key.get_object().if_contains("kid") : nullptr;
        if (id != nullptr && id->is_string() && std::string_view(id->get_string()) == key_id) {
            return ok(fmt::format("keys served: {}, the given one among them", count));
        }
    }
    return failed("the given JWT_SIGNING_KEY is not among the keys that are served", fix);
}

}  // namespace cli::preflight
