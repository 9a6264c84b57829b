#include "baselines/lock_per_request.hpp"

#include <algorithm>
#include <exception>
#include <string_view>
#include <utility>

#include "net/event.hpp"

namespace baselines {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view lock_ms = "5000";
constexpr milliseconds patience(5000);
constexpr std::int64_t poll_ms_min = 2;
constexpr std::int64_t poll_ms_max = 10;
// Much longer than an answer takes: a command past its deadline costs the connection, and with it
// the polls of everybody else.
constexpr milliseconds redis_timeout(2000);
constexpr std::uint64_t jitter_seed = 17;

constexpr std::string_view unlock_script =
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end "
    "return redis.call('DEL', KEYS[1])";

constexpr postgres::Statement check_statement{
    "baseline_check",
    R"(SELECT u.state, s.starts_at <= clock_timestamp(), s.ends_at <= clock_timestamp(),
              u.sold_out, u.remaining, h.known_id, h.known_fingerprint, h.units, h.holds
       FROM orders.sales s
       JOIN orders.sale_units u ON u.sale_no = s.sale_no
       CROSS JOIN LATERAL (
           SELECT (array_agg(o.id) FILTER (WHERE o.key = $3))[1] AS known_id,
                  (array_agg(o.fingerprint) FILTER (WHERE o.key = $3))[1] AS known_fingerprint,
                  coalesce(sum(o.quantity) FILTER (WHERE o.state IN (0, 1, 2, 5)), 0) AS units,
                  count(*) AS holds
           FROM orders.sale_orders o
           WHERE o.sale_no = $1 AND o.customer_id = $2
       ) h
       WHERE s.sale_no = $1)"
};

/// One statement is one transaction: its result is the commit's.
constexpr postgres::Statement take_statement{
    "baseline_take",
    R"(WITH taken AS (
           UPDATE orders.sale_units u SET remaining = u.remaining - $2, seq = u.seq + 1
           WHERE u.sale_no = $1 AND u.remaining >= $2
           RETURNING u.seq
       )
       INSERT INTO orders.sale_orders (
           expires_at, changed_at, seq, unit_price_cents, sale_no, quantity, pos, state,
           id, customer_id, key, fingerprint
       )
       SELECT now() + $3 * interval '1 millisecond', now(), taken.seq, $4, $1, $2, 1, 0,
              $5, $6, $7, $8
       FROM taken
       RETURNING seq, expires_at)"
};

std::string key_of(const base::Uuid& sale) {
    return "baseline:{sale:" + sale.to_string() + "}:lock";
}

Standing read_standing(const postgres::Result& row) {
    Standing standing;
    standing.state = static_cast<std::int16_t>(row.integer(0, 0));
    standing.has_started = row.boolean(0, 1);
    standing.has_ended = row.boolean(0, 2);
    standing.sold_out = row.boolean(0, 3);
    standing.remaining = row.integer(0, 4);
    standing.known_id = row.optional_uuid(0, 5).value_or(base::Uuid{});
    standing.known_fingerprint = row.optional_uuid(0, 6).value_or(base::Uuid{});
    standing.units = row.integer(0, 7);
    standing.holds = row.integer(0, 8);
    return standing;
}

}  // namespace

LockPerRequest::LockPerRequest(postgres::Pool& pool, redis::Client& redis)
    : pool_(pool), redis_(redis), jitter_(jitter_seed) {}

net::awaitable<TakeAnswer> LockPerRequest::take(
    const Terms& terms, const Take& take, net::Deadline deadline
) {
    const std::string key = key_of(terms.id);
    const std::string token = take.order_id.to_string();
    const bool is_locked = co_await lock(key, token, deadline);
    if (!is_locked) co_return TakeAnswer{};
    TakeAnswer answer;
    std::exception_ptr failure;
    try {
        answer = co_await sell(terms, take, deadline);
    } catch (...) {
        failure = std::current_exception();
    }
    co_await unlock(key, token);
    if (failure) std::rethrow_exception(failure);
    co_return answer;
}

net::awaitable<bool> LockPerRequest::lock(
    std::string key, std::string token, net::Deadline deadline
) {
    const net::Deadline give_up = std::min(deadline, net::deadline_in(patience));
    while (true) {
        redis::Command command{"SET", key, token, "NX", "PX", std::string(lock_ms)};
        const redis::Reply reply =
            co_await redis_.exec(std::move(command), net::deadline_in(redis_timeout));
        if (reply.kind == redis::Reply::Kind::status) co_return true;
        const milliseconds wait(jitter_.between(poll_ms_min, poll_ms_max));
        if (net::deadline_in(wait) >= give_up) co_return false;
        co_await net::sleep_for(wait);
    }
}

net::awaitable<void> LockPerRequest::unlock(std::string key, std::string token) {
    std::vector<std::string> keys{std::move(key)};
    std::vector<std::string> arguments{std::move(token)};
    const net::Deadline deadline = net::deadline_in(redis_timeout);
    co_await redis_.eval(unlock_script, std::move(keys), std::move(arguments), deadline);
}

net::awaitable<TakeAnswer> LockPerRequest::sell(
    const Terms& terms, const Take& take, net::Deadline deadline
) {
    const std::shared_ptr<postgres::Connection> connection = co_await pool_.acquire(deadline);
    postgres::Parameters question;
    question.int4(terms.sale_no).uuid(take.customer_id).uuid(take.key);
    const auto found = co_await connection->query(check_statement, question, deadline);
    const Standing standing = read_standing(found);
    TakeAnswer answer;
    answer.outcome = judge(terms, take, standing);
    answer.order_id = standing.known_id;
    if (answer.outcome != Outcome::bought) co_return answer;

    postgres::Parameters order;
    order.int4(terms.sale_no)
        .int4(take.quantity)
        .int8(terms.hold_ms)
        .int8(terms.unit_price_cents)
        .uuid(take.order_id)
        .uuid(take.customer_id)
        .uuid(take.key)
        .uuid(take.fingerprint);
    const auto taken = co_await connection->query(take_statement, order, deadline);
    if (taken.empty()) {
        // The lock ran out and another took the unit: the row still refuses to go below zero.
        answer.outcome = Outcome::not_enough;
        co_return answer;
    }
    answer.order_id = take.order_id;
    answer.seq = taken.integer(0, 0);
    answer.expires_at_us = taken.timestamp_us(0, 1);
    co_return answer;
}

}  // namespace baselines
