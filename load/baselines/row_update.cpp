#include "baselines/row_update.hpp"

#include <span>

#include "base/timestamp.hpp"

namespace baselines {
namespace {

constexpr postgres::Statement apply_statement{
    "baseline_apply",
    R"(SELECT status, fence, seq, expires_at_us, take_outcomes, take_order_ids
       FROM orders.sale_apply_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11))"
};

constexpr std::int32_t without_lease = 1;
constexpr std::int64_t fenced = 1;

std::span<const base::Uuid> one(const base::Uuid& id) {
    return {&id, 1};
}

}  // namespace

net::awaitable<TakeAnswer> RowUpdate::take(
    const Terms& terms, const Take& take, net::Deadline deadline
) {
    TakeAnswer answer;
    const std::int64_t status = co_await apply(terms, take, deadline, answer);
    // The number that was read is the row's: nobody raises it in a sale without a lease.
    if (status == fenced) co_await apply(terms, take, deadline, answer);
    co_return answer;
}

/// Returns the function's status.
net::awaitable<std::int64_t> RowUpdate::apply(
    const Terms& terms, const Take& take, net::Deadline deadline, TakeAnswer& answer
) {
    const std::int64_t deadline_us =
        (base::unix_now_ms() + net::time_left(deadline).count()) * 1000;
    postgres::Parameters parameters;
    parameters.uuid(terms.id)
        .int8(fences_[terms.id])
        .int4(without_lease)
        .uuid_array(one(take.order_id))
        .uuid_array(one(take.customer_id))
        .uuid_array(one(take.key))
        .uuid_array(one(take.fingerprint))
        .int4_array({&take.quantity, 1})
        .int8_array({&deadline_us, 1})
        .uuid_array({})
        .uuid_array({});
    const auto row = co_await pool_.query(apply_statement, parameters, deadline);
    const std::int64_t status = row.integer(0, 0);
    if (status == fenced) fences_[terms.id] = row.integer(0, 1);
    if (status != 0) co_return status;
    answer.seq = row.integer(0, 2);
    answer.expires_at_us = row.integer(0, 3);
    answer.outcome = static_cast<Outcome>(row.integer_array(0, 4).at(0));
    answer.order_id = row.uuid_array(0, 5).at(0);
    co_return status;
}

}  // namespace baselines
