#include "order/store/sale_lease.hpp"

#include <string_view>
#include <utility>
#include <vector>

#include "base/assertion.hpp"

namespace order {

namespace {

constexpr std::string_view acquire_script =
    "if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return {1, ARGV[1]} end "
    "local held = redis.call('GET', KEYS[1]) "
    "if held == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end "
    "return {0, held}";

constexpr std::string_view renew_script =
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end "
    "return redis.call('PEXPIRE', KEYS[1], ARGV[2])";

constexpr std::string_view release_script =
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end "
    "return redis.call('DEL', KEYS[1])";

/// The braces keep all keys of a sale on one node, should Redis ever be a cluster.
std::string key_of(const base::Uuid& sale) {
    return "doorbuster:{sale:" + sale.to_string() + "}:lease";
}

bool is_word(std::string_view text) {
    return !text.empty() && text.find(' ') == std::string_view::npos;
}

std::string to_value(const LeaseHolder& holder) {
    DOORBUSTER_ASSERT(is_word(holder.address) && is_word(holder.token));
    return holder.address + " " + holder.token;
}

std::optional<LeaseHolder> parse_holder(std::string_view value) {
    const std::size_t space = value.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    LeaseHolder holder{std::string(value.substr(0, space)), std::string(value.substr(space + 1))};
    if (!is_word(holder.address) || !is_word(holder.token)) return std::nullopt;
    return holder;
}

/// The scripts can't fail by themselves: an error is a broken neighbour (out of memory, no rights).
/// It may come between a script's commands, so its effect is not known.
void require_answer(const redis::Reply& reply) {
    if (!reply.is_error()) return;
    throw redis::Error("lease refused: " + reply.text, redis::Error::Effect::unknown);
}

}  // namespace

SaleLease::SaleLease(redis::Client& client, std::int64_t lease_ms)
    : client_(client), lease_ms_(std::to_string(lease_ms)) {
    DOORBUSTER_ASSERT(lease_ms > 0);
}

net::awaitable<SaleLease::Attempt> SaleLease::acquire(
    const base::Uuid& sale, const LeaseHolder& self, net::Deadline deadline
) {
    std::vector<std::string> keys{key_of(sale)};
    std::vector<std::string> arguments{to_value(self), lease_ms_};
    const redis::Reply reply =
        co_await client_.eval(acquire_script, std::move(keys), std::move(arguments), deadline);
    require_answer(reply);
    if (reply.elements.size() != 2) {
        throw redis::Error("unreadable lease", redis::Error::Effect::unknown);
    }
    Attempt attempt{reply.elements[0].integer == 1, parse_holder(reply.elements[1].text)};
    co_return attempt;
}

net::awaitable<bool> SaleLease::renew(
    const base::Uuid& sale, const LeaseHolder& self, net::Deadline deadline
) {
    std::vector<std::string> keys{key_of(sale)};
    std::vector<std::string> arguments{to_value(self), lease_ms_};
    const redis::Reply reply =
        co_await client_.eval(renew_script, std::move(keys), std::move(arguments), deadline);
    require_answer(reply);
    co_return reply.integer == 1;
}

net::awaitable<void> SaleLease::release(
    const base::Uuid& sale, const LeaseHolder& self, net::Deadline deadline
) {
    std::vector<std::string> keys{key_of(sale)};
    std::vector<std::string> arguments{to_value(self)};
    const redis::Reply reply =
        co_await client_.eval(release_script, std::move(keys), std::move(arguments), deadline);
    require_answer(reply);
}

}  // namespace order
