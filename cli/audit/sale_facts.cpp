#include "cli/audit/sale_facts.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace cli {
namespace {

constexpr std::int32_t orders_per_piece = 20'000;
constexpr std::int32_t batches_per_piece = 20'000;

constexpr postgres::Statement sale_statement{
    "audit_sale", "SELECT sale_no FROM orders.sales WHERE id = $1"
};

constexpr postgres::Statement orders_statement{
    "audit_orders",
    R"(SELECT id, customer_id, key, unit_price_cents, seq, quantity, pos, state
       FROM orders.sale_orders WHERE sale_no = $1 AND id > $2 ORDER BY id LIMIT $3)"
};

constexpr postgres::Statement batches_statement{
    "audit_batches",
    R"(SELECT seq, at, remaining_after, state_after, sold_out_after
       FROM orders.sale_batches WHERE sale_no = $1 AND seq > $2 ORDER BY seq LIMIT $3)"
};

// A hold may stand for a second after it came due. One whose payment was under way came due when
// that payment was declined; one whose payment lapsed has its moment in expires_at.
constexpr postgres::Statement overdue_statement{
    "audit_overdue",
    R"(SELECT d.due_at + interval '1 second', coalesce(b.at, clock_timestamp())
       FROM (
           SELECT o.sale_no, o.returned_seq, greatest(o.expires_at, (
               SELECT max(p.changed_at) FROM orders.payment_attempts p
               WHERE p.order_id = o.id AND p.state = 1)) AS due_at
           FROM orders.sale_orders o
           WHERE o.sale_no = $1 AND o.state IN (0, 4) AND o.expires_at < clock_timestamp()
       ) d
       LEFT JOIN orders.sale_batches b ON b.sale_no = d.sale_no AND b.seq = d.returned_seq
       WHERE coalesce(b.at, clock_timestamp()) > d.due_at + interval '1 second')"
};

net::awaitable<void> load_orders(
    Snapshot& snapshot, std::int32_t sale_no, SaleFacts& facts, const AuditProgress& progress
) {
    base::Uuid last;
    while (true) {
        progress("orders", static_cast<std::int64_t>(facts.orders.size()), 0);
        postgres::Parameters parameters;
        parameters.int4(sale_no).uuid(last).int4(orders_per_piece);
        const auto rows = co_await snapshot.query(orders_statement, parameters);
        for (std::size_t row = 0; row < rows.rows(); ++row) {
            SaleFacts::Order order;
            order.id = rows.uuid(row, 0);
            order.customer_id = rows.uuid(row, 1);
            order.key = rows.uuid(row, 2);
            order.unit_price_cents = rows.integer(row, 3);
            order.seq = rows.integer(row, 4);
            order.quantity = static_cast<std::int32_t>(rows.integer(row, 5));
            order.pos = static_cast<std::int16_t>(rows.integer(row, 6));
            order.state = static_cast<std::int16_t>(rows.integer(row, 7));
            facts.orders.push_back(order);
        }
        if (rows.rows() < static_cast<std::size_t>(orders_per_piece)) co_return;
        last = facts.orders.back().id;
    }
}

net::awaitable<void> load_batches(Snapshot& snapshot, std::int32_t sale_no, SaleFacts& facts) {
    std::int64_t last = 0;
    while (true) {
        postgres::Parameters parameters;
        parameters.int4(sale_no).int8(last).int4(batches_per_piece);
        const auto rows = co_await snapshot.query(batches_statement, parameters);
        for (std::size_t row = 0; row < rows.rows(); ++row) {
            facts.batches.push_back(
                {.seq = rows.integer(row, 0),
                 .at_us = rows.timestamp_us(row, 1),
                 .remaining_after = static_cast<std::int32_t>(rows.integer(row, 2)),
                 .state_after = static_cast<std::int16_t>(rows.integer(row, 3)),
                 .sold_out_after = rows.boolean(row, 4)}
            );
        }
        if (rows.rows() < static_cast<std::size_t>(batches_per_piece)) co_return;
        last = facts.batches.back().seq;
    }
}

void sort_facts(SaleFacts& facts) {
    std::sort(facts.orders.begin(), facts.orders.end(), [](const auto& left, const auto& right) {
        return std::tie(left.customer_id, left.key) < std::tie(right.customer_id, right.key);
    });
    facts.places.resize(facts.orders.size());
    std::iota(facts.places.begin(), facts.places.end(), 0u);
    std::sort(facts.places.begin(), facts.places.end(), [&](auto left, auto right) {
        const SaleFacts::Order& a = facts.orders[left];
        const SaleFacts::Order& b = facts.orders[right];
        return std::tie(a.seq, a.pos) < std::tie(b.seq, b.pos);
    });
    std::sort(facts.overdue.begin(), facts.overdue.end(), [](const auto& left, const auto& right) {
        return left.from_us < right.from_us;
    });
    std::int64_t latest_us = INT64_MIN;
    for (SaleFacts::Overdue& hold : facts.overdue) {
        latest_us = std::max(latest_us, hold.to_us);
        hold.to_us = latest_us;
    }
}

}  // namespace

std::pair<std::size_t, std::size_t> SaleFacts::orders_of(
    const base::Uuid& customer, const base::Uuid& key
) const {
    const auto wanted = std::tie(customer, key);
    const auto first =
        std::lower_bound(orders.begin(), orders.end(), wanted, [](const Order& order, auto& value) {
            return std::tie(order.customer_id, order.key) < value;
        });
    auto last = first;
    while (last != orders.end() && last->customer_id == customer && last->key == key) ++last;
    return {
        static_cast<std::size_t>(first - orders.begin()),
        static_cast<std::size_t>(last - orders.begin())
    };
}

const SaleFacts::Batch* SaleFacts::batch(std::int64_t seq) const {
    const auto found =
        std::lower_bound(batches.begin(), batches.end(), seq, [](const Batch& batch, auto value) {
            return batch.seq < value;
        });
    return found != batches.end() && found->seq == seq ? &*found : nullptr;
}

std::int64_t SaleFacts::remaining_at(const Batch& batch, std::optional<std::int64_t> pos) const {
    std::int64_t remaining = batch.remaining_after;
    if (!pos) return remaining;
    // What this batch gave from `pos` on was still there before it.
    const auto wanted = std::make_pair(batch.seq, *pos);
    auto place =
        std::lower_bound(places.begin(), places.end(), wanted, [&](auto index, const auto& value) {
            const Order& order = orders[index];
            return std::make_pair(order.seq, std::int64_t{order.pos}) < value;
        });
    for (; place != places.end() && orders[*place].seq == batch.seq; ++place) {
        remaining += orders[*place].quantity;
    }
    return remaining;
}

bool SaleFacts::was_overdue(std::int64_t from_us, std::int64_t to_us) const {
    const auto later =
        std::lower_bound(overdue.begin(), overdue.end(), from_us, [](const auto& hold, auto value) {
            return hold.from_us < value;
        });
    return from_us <= to_us && later != overdue.begin() && to_us < std::prev(later)->to_us;
}

net::awaitable<std::optional<SaleFacts>> load_sale_facts(
    Snapshot& snapshot, base::Uuid sale, const AuditProgress& progress
) {
    postgres::Parameters parameters;
    parameters.uuid(sale);
    const auto found = co_await snapshot.query(sale_statement, parameters);
    if (found.empty()) co_return std::nullopt;
    const auto sale_no = static_cast<std::int32_t>(found.integer(0, 0));

    SaleFacts facts;
    facts.id = sale;
    co_await load_orders(snapshot, sale_no, facts, progress);
    co_await load_batches(snapshot, sale_no, facts);
    postgres::Parameters number;
    number.int4(sale_no);
    const auto overdue = co_await snapshot.query(overdue_statement, number);
    for (std::size_t row = 0; row < overdue.rows(); ++row) {
        facts.overdue.push_back({overdue.timestamp_us(row, 0), overdue.timestamp_us(row, 1)});
    }
    sort_facts(facts);
    co_return facts;
}

}  // namespace cli
