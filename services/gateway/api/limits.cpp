#include "gateway/api/limits.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "http/problem.hpp"
#include "service/client_address.hpp"
#include "token/digest.hpp"

namespace gateway {

namespace {

constexpr std::int64_t second_us = 1'000'000;

std::int64_t whole_seconds(std::int64_t time_us) {
    return (time_us + second_us - 1) / second_us;
}

/// nullopt where the address is not one client's. The bytes are no account's id: of a UUID the
/// ninth byte is never zero.
std::optional<LimitSubject> subject_of_address(const Sender& sender) {
    if (sender.is_nobody()) return std::nullopt;
    if (const auto network = service::client_network_bytes(sender.client)) return *network;
    // What a trusted proxy calls its client, if not by address ("unknown", RFC 7239).
    const token::Digest digest = token::sha256(sender.client);
    LimitSubject subject{};
    std::copy_n(digest.begin(), subject.size(), subject.begin());
    return subject;
}

}  // namespace

bool is_by_address_always(Limit limit) {
    return limit == Limit::sign_in || limit == Limit::refresh || limit == Limit::invalid_token;
}

Limits::Limits(RateLimiter& limiter, metrics::Registry& metrics)
    : limiter_(limiter), unattributed_(metrics) {
    for (std::size_t index = 0; index < policies_.size(); ++index) {
        const Quota& quota = limiter.quota(static_cast<Limit>(index));
        policies_[index] = fmt::format(
            "\"{}\";q={};w={}", limit_names[index], quota.requests, whole_seconds(quota.window_us)
        );
    }
}

std::optional<Standing> Limits::count(
    const Sender& sender, Limit limit, const std::optional<token::Claims>& claims
) {
    if (!limiter_.quota(limit).is_limited()) return std::nullopt;
    LimitKey key{limit, {}};
    if (claims && !is_by_address_always(limit)) {
        key.subject = claims->account_id.bytes;
    } else {
        unattributed_.note(sender);
        const auto subject = subject_of_address(sender);
        if (!subject) return std::nullopt;
        key.subject = *subject;
    }
    return Standing{limit, limiter_.take(key)};
}

std::optional<Standing> Limits::look(const Sender& sender, Limit limit) {
    if (!limiter_.quota(limit).is_limited()) return std::nullopt;
    const auto subject = subject_of_address(sender);
    if (!subject) return std::nullopt;
    return Standing{limit, limiter_.look({limit, *subject})};
}

http::Response Limits::refusal(const Standing& standing) const {
    const Quota& quota = limiter_.quota(standing.limit);
    const std::int64_t wait_s =
        std::max<std::int64_t>(whole_seconds(standing.allowance.wait_us), 1);
    auto response = to_response(http::Problem{
        .status = 429,
        .code = "rate_limited",
        .detail = fmt::format(
            "Too many requests: at most {} at once, which come back within {} s. Wait {} s.",
            quota.requests,
            whole_seconds(quota.window_us),
            wait_s
        ),
        .retry_after_s = static_cast<int>(wait_s)
    });
    add_headers(standing, response.headers);
    return response;
}

void Limits::add_headers(const Standing& standing, http::Headers& headers) const {
    const Allowance& allowance = standing.allowance;
    // The draft wants Retry-After and t to speak of the same moment where both are sent.
    const std::int64_t time_us = allowance.is_granted ? allowance.whole_in_us : allowance.wait_us;
    headers.add("RateLimit-Policy", policies_[static_cast<std::size_t>(standing.limit)]);
    std::string text;
    text.reserve(40);
    text.append("\"").append(to_string(standing.limit)).append("\";r=");
    text.append(std::to_string(allowance.remaining)).append(";t=");
    text.append(std::to_string(std::max<std::int64_t>(whole_seconds(time_us), 1)));
    headers.add("RateLimit", std::move(text));
}

}  // namespace gateway
