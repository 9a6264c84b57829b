#include "cli/preflight/scratch_shop.hpp"

#include <chrono>

#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "base/assertion.hpp"
#include "base/timestamp.hpp"
#include "cli/shop_client.hpp"

namespace cli::preflight {
namespace {

constexpr std::int64_t token_lifetime_s = 300;

// The same in every run: what they made before is found again by them.
constexpr std::string_view admin_id = "00000000-0000-7000-8000-00000000f001";
constexpr std::string_view buyer_id = "00000000-0000-7000-8000-00000000f002";
constexpr std::string_view late_buyer_id = "00000000-0000-7000-8000-00000000f003";

std::string sign(const token::SigningKey& key, std::string_view id, token::Role role) {
    const auto account = base::Uuid::parse(id);
    DOORBUSTER_ASSERT(account.has_value());
    const std::int64_t now_s = base::unix_now_ms() / 1000;
    return key.sign({*account, role, now_s, now_s + token_lifetime_s});
}

http::ClientLimits one_connection() {
    http::ClientLimits limits;
    limits.connections_max = 1;
    return limits;
}

}  // namespace

std::string Answer::text(std::string_view name) const {
    const auto* found = body.is_object() ? body.get_object().if_contains(name) : nullptr;
    if (found == nullptr || !found->is_string()) return {};
    return std::string(std::string_view(found->get_string()));
}

std::string Answer::summary() const {
    return fmt::format("{} after {:.1f} ms", status, took_ms);
}

ScratchShop::ScratchShop(net::Executor executor, http::Origin gateway, const token::SigningKey& key)
    : client_(std::move(executor), std::move(gateway), one_connection()),
      admin_(sign(key, admin_id, token::Role::admin)),
      buyer_(sign(key, buyer_id, token::Role::customer)),
      late_buyer_(sign(key, late_buyer_id, token::Role::customer)) {}

const std::string& ScratchShop::token_of(Person who) const {
    if (who == Person::admin) return admin_;
    return who == Person::buyer ? buyer_ : late_buyer_;
}

net::awaitable<Answer> ScratchShop::ask(
    Person who,
    std::string method,
    std::string target,
    std::string body,
    std::string key,
    net::Deadline deadline
) {
    http::OutgoingRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.body = std::move(body);
    request.headers.add("Accept", "application/json");
    request.headers.add("Authorization", "Bearer " + token_of(who));
    if (!request.body.empty()) request.headers.add("Content-Type", "application/json");
    if (!key.empty()) request.headers.add("Idempotency-Key", std::move(key));
    const auto begin = net::SteadyClock::now();
    const http::Response response = co_await client_.send_kept(request, deadline);
    const std::chrono::duration<double, std::milli> took = net::SteadyClock::now() - begin;
    Answer answer;
    answer.status = response.status;
    answer.took_ms = took.count();
    answer.described = describe_refusal(request, response);
    if (auto value = json::parse(response.body)) answer.body = std::move(*value);
    co_return answer;
}

}  // namespace cli::preflight
