#include "order/store/payment_store.hpp"

#include "base/assertion.hpp"

namespace order {
namespace {

constexpr postgres::Statement begin_statement{
    "pay_begin",
    "SELECT outcome, n, amount_cents, currency FROM orders.pay_begin_v2($1, $2, $3, $4, $5)"
};

constexpr postgres::Statement unbind_statement{
    "pay_unbind", "SELECT orders.pay_unbind_v1($1, $2, $3) IS NULL"
};

constexpr postgres::Statement cancel_statement{
    "sale_order_cancel", "SELECT orders.sale_order_cancel_v1($1, $2, $3, $4, false)"
};

constexpr postgres::Statement look_again_statement{
    "sale_order_cancel_again", "SELECT orders.sale_order_cancel_v1($1, $2, $3, $4, true)"
};

constexpr postgres::Statement unbind_cancel_statement{
    "cancel_unbind", "SELECT orders.cancel_unbind_v1($1, $2)"
};

constexpr postgres::Statement finish_statement{
    "pay_finish", "SELECT outcome FROM orders.pay_finish_v2($1, $2, $3)"
};

constexpr postgres::Statement lapse_statement{"pay_lapse", "SELECT orders.pay_lapse_v1($1)"};

constexpr postgres::Statement find_statement{
    "pay_find",
    R"(SELECT order_id, n, amount_cents, currency FROM orders.payment_attempts
       WHERE order_id = $1 AND n = $2)"
};

constexpr postgres::Statement claim_open_statement{
    "pay_claim_open",
    "SELECT order_id, n, amount_cents, currency FROM orders.pay_open_v1($1, $2, $2)"
};

constexpr postgres::Statement refund_statement{"pay_refund", "SELECT orders.pay_refund_v1($1, $2)"};

constexpr postgres::Statement claim_due_statement{
    "pay_claim_due",
    "SELECT order_id, n, amount_cents, currency, refund FROM orders.pay_claim_due_v2($1, $2)"
};

constexpr postgres::Statement confirm_due_statement{
    "pay_confirm_due", "SELECT orders.pay_confirm_due_v1($1, $2, $3)"
};

/// The first four columns: order, n, amount, currency.
PaymentAttempt read_attempt(const postgres::Result& rows, std::size_t row) {
    return {
        .order_id = rows.uuid(row, 0),
        .n = static_cast<std::int32_t>(rows.integer(row, 1)),
        .amount_cents = rows.integer(row, 2),
        .currency = std::string(rows.text(row, 3))
    };
}

/// Both looks of a cancel at its key.
net::awaitable<SaleCancel> run_cancel(
    postgres::Pool& pool,
    postgres::Statement statement,
    base::Uuid order,
    base::Uuid customer,
    RequestKey key,
    net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.uuid(order).uuid(customer).uuid(key.key).uuid(key.fingerprint);
    const auto result = co_await pool.query(statement, parameters, deadline);
    co_return static_cast<SaleCancel>(result.integer(0, 0));
}

}  // namespace

net::awaitable<std::vector<PayStartResult>> PaymentStore::begin(
    const std::vector<BeginRequest>& requests, std::int64_t paying_ms, net::Deadline deadline
) {
    std::vector<base::Uuid> orders;
    std::vector<base::Uuid> customers;
    std::vector<base::Uuid> keys;
    std::vector<base::Uuid> fingerprints;
    for (const BeginRequest& request : requests) {
        orders.push_back(request.order_id);
        customers.push_back(request.customer_id);
        const RequestKey key = request.key.value_or(RequestKey{});
        keys.push_back(key.key);
        fingerprints.push_back(key.fingerprint);
    }
    postgres::Parameters parameters;
    parameters.uuid_array(orders)
        .uuid_array(customers)
        .uuid_array(keys)
        .uuid_array(fingerprints)
        .int8(paying_ms);
    const auto rows = co_await pool_.query(begin_statement, parameters, deadline);
    DOORBUSTER_ASSERT(rows.rows() == requests.size());
    std::vector<PayStartResult> results(requests.size());
    for (std::size_t row = 0; row < rows.rows(); ++row) {
        results[row].outcome = static_cast<PayStart>(rows.integer(row, 0));
        if (results[row].outcome != PayStart::started) continue;
        results[row].attempt = {
            .order_id = requests[row].order_id,
            .n = static_cast<std::int32_t>(rows.integer(row, 1)),
            .amount_cents = rows.integer(row, 2),
            .currency = std::string(rows.text(row, 3))
        };
    }
    co_return results;
}

net::awaitable<void> PaymentStore::unbind(
    base::Uuid customer, RequestKey key, std::int32_t n, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.uuid(customer).uuid(key.key).int4(n);
    co_await pool_.query(unbind_statement, parameters, deadline);
}

net::awaitable<std::vector<PayFinish>> PaymentStore::finish(
    const std::vector<FinishRequest>& requests, net::Deadline deadline
) {
    std::vector<base::Uuid> orders;
    std::vector<std::int32_t> numbers;
    std::vector<std::int32_t> verdicts;
    for (const FinishRequest& request : requests) {
        orders.push_back(request.order_id);
        numbers.push_back(request.n);
        verdicts.push_back(static_cast<std::int32_t>(request.verdict));
    }
    postgres::Parameters parameters;
    parameters.uuid_array(orders).int4_array(numbers).int4_array(verdicts);
    const auto rows = co_await pool_.query(finish_statement, parameters, deadline);
    DOORBUSTER_ASSERT(rows.rows() == requests.size());
    std::vector<PayFinish> results;
    results.reserve(rows.rows());
    for (std::size_t row = 0; row < rows.rows(); ++row) {
        results.push_back(static_cast<PayFinish>(rows.integer(row, 0)));
    }
    co_return results;
}

net::awaitable<std::optional<PaymentAttempt>> PaymentStore::find(
    const base::Uuid& order, std::int32_t n, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.uuid(order).int4(n);
    const auto rows = co_await pool_.query(find_statement, parameters, deadline);
    if (rows.empty()) co_return std::nullopt;
    co_return read_attempt(rows, 0);
}

net::awaitable<std::int64_t> PaymentStore::lapse(int limit, net::Deadline deadline) {
    postgres::Parameters parameters;
    parameters.int4(limit);
    const auto result = co_await pool_.query(lapse_statement, parameters, deadline);
    co_return result.integer(0, 0);
}

net::awaitable<std::vector<PaymentAttempt>> PaymentStore::claim_open(
    int limit, std::int64_t age_ms, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.int4(limit).int8(age_ms);
    const auto rows = co_await pool_.query(claim_open_statement, parameters, deadline);
    std::vector<PaymentAttempt> open;
    open.reserve(rows.rows());
    for (std::size_t row = 0; row < rows.rows(); ++row) open.push_back(read_attempt(rows, row));
    co_return open;
}

net::awaitable<RefundOutcome> PaymentStore::refund(
    const base::Uuid& order, const base::Uuid& customer, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.uuid(order).uuid(customer);
    const auto result = co_await pool_.query(refund_statement, parameters, deadline);
    co_return static_cast<RefundOutcome>(result.integer(0, 0));
}

net::awaitable<SaleCancel> PaymentStore::cancel(
    base::Uuid order, base::Uuid customer, RequestKey key, net::Deadline deadline
) {
    co_return co_await run_cancel(pool_, cancel_statement, order, customer, key, deadline);
}

net::awaitable<SaleCancel> PaymentStore::look_again(
    base::Uuid order, base::Uuid customer, RequestKey key, net::Deadline deadline
) {
    co_return co_await run_cancel(pool_, look_again_statement, order, customer, key, deadline);
}

net::awaitable<void> PaymentStore::unbind_cancel(
    base::Uuid customer, RequestKey key, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.uuid(customer).uuid(key.key);
    co_await pool_.query(unbind_cancel_statement, parameters, deadline);
}

net::awaitable<std::vector<PaymentStore::Due>> PaymentStore::claim_due(
    int limit, std::int64_t claim_ms, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.int4(limit).int8(claim_ms);
    const auto rows = co_await pool_.query(claim_due_statement, parameters, deadline);
    std::vector<Due> due;
    due.reserve(rows.rows());
    for (std::size_t row = 0; row < rows.rows(); ++row) {
        due.push_back({.attempt = read_attempt(rows, row), .refund = rows.boolean(row, 4)});
    }
    co_return due;
}

net::awaitable<void> PaymentStore::confirm_due(
    const std::vector<Due>& done, net::Deadline deadline
) {
    constexpr std::int32_t void_due = 3;
    constexpr std::int32_t refund_due = 5;
    std::vector<base::Uuid> orders;
    std::vector<std::int32_t> numbers;
    std::vector<std::int32_t> states;
    for (const Due& due : done) {
        orders.push_back(due.attempt.order_id);
        numbers.push_back(due.attempt.n);
        states.push_back(due.refund ? refund_due : void_due);
    }
    postgres::Parameters parameters;
    parameters.uuid_array(orders).int4_array(numbers).int4_array(states);
    co_await pool_.query(confirm_due_statement, parameters, deadline);
}

}  // namespace order
