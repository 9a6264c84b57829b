#include "order/store/ordinary_order_store.hpp"

#include <utility>

namespace order {
namespace {

constexpr postgres::Statement place_statement{
    "ordinary_place",
    R"(SELECT outcome, order_id, attempt, reservation_id
       FROM orders.ordinary_place_v1($1, $2, $3, $4, $5, $6, $7, $8, $9))"
};

constexpr postgres::Statement reserved_statement{
    "ordinary_reserved", "SELECT orders.ordinary_reserved_v2($1, $2, $3, $4, $5, $6, $7)"
};

constexpr postgres::Statement refused_statement{
    "ordinary_refused", "SELECT orders.ordinary_refused_v1($1, $2, $3, $4, $5, $6)"
};

constexpr postgres::Statement begin_statement{
    "ordinary_pay_begin",
    R"(SELECT outcome, n, amount_cents, currency
       FROM orders.ordinary_pay_begin_v2($1, $2, $3, $4, $5))"
};

constexpr postgres::Statement finish_statement{
    "ordinary_pay_finish", "SELECT orders.ordinary_pay_finish_v2($1, $2, $3, $4)"
};

constexpr postgres::Statement settled_statement{
    "ordinary_settled", "SELECT orders.ordinary_settled_v2($1, $2)"
};

constexpr postgres::Statement cancel_statement{
    "ordinary_cancel", "SELECT orders.ordinary_cancel_v1($1, $2)"
};

constexpr postgres::Statement cancel_once_statement{
    "ordinary_cancel_once", "SELECT orders.ordinary_cancel_v2($1, $2, $3, $4)"
};

constexpr postgres::Statement sweep_statement{
    "ordinary_sweep", "SELECT orders.ordinary_sweep_v1($1)"
};

constexpr postgres::Statement claim_statement{
    "ordinary_claim", "SELECT order_id FROM orders.ordinary_claim_v1($1, $2)"
};

constexpr postgres::Statement find_statement{
    "ordinary_find",
    R"(SELECT id, customer_id, state, attempt, reservation_id, total_cents, currency, expires_at,
              created_at, refusal, refused_product, available, product_ids, quantities, names,
              unit_prices_cents
       FROM orders.ordinary_orders_shown WHERE id = $1)"
};

constexpr postgres::Statement list_statement{
    "ordinary_list",
    R"(SELECT id, customer_id, state, attempt, reservation_id, total_cents, currency, expires_at,
              created_at, refusal, refused_product, available, product_ids, quantities, names,
              unit_prices_cents
       FROM orders.ordinary_orders_shown
       WHERE customer_id = $1 AND ($2::uuid IS NULL OR id < $2)
           AND ($3::bigint IS NULL OR state = $3)
       ORDER BY id DESC LIMIT $4)"
};

std::vector<OrdinaryOrder::Line> read_lines(const postgres::Result& result, std::size_t row) {
    const auto products = result.uuid_array(row, 12);
    const auto quantities = result.integer_array(row, 13);
    const auto names = result.text_array(row, 14);
    const auto prices = result.integer_array(row, 15);
    std::vector<OrdinaryOrder::Line> lines;
    lines.reserve(products.size());
    for (std::size_t index = 0; index < products.size(); ++index) {
        lines.push_back({products[index], quantities.at(index), names.at(index), prices.at(index)});
    }
    return lines;
}

OrdinaryOrder read_order(const postgres::Result& result, std::size_t row) {
    OrdinaryOrder order;
    order.id = result.uuid(row, 0);
    order.customer_id = result.uuid(row, 1);
    order.state = static_cast<OrderState>(result.integer(row, 2));
    order.attempt = static_cast<std::int32_t>(result.integer(row, 3));
    order.reservation_id = result.uuid(row, 4);
    order.total_cents = result.optional_integer(row, 5);
    order.currency = result.optional_text(row, 6);
    order.expires_at_ms = result.timestamp_ms(row, 7);
    order.created_at_ms = result.timestamp_ms(row, 8);
    order.lines = read_lines(result, row);
    if (const auto refusal = result.optional_integer(row, 9)) {
        order.refusal = RefusedOrder{
            static_cast<OrderRefusal>(*refusal),
            result.optional_uuid(row, 10),
            result.optional_integer(row, 11)
        };
    }
    return order;
}

}  // namespace

net::awaitable<Placement> OrdinaryOrderStore::place(
    NewOrder order, PlaceLimits limits, net::Deadline deadline
) {
    std::vector<base::Uuid> products;
    std::vector<std::int64_t> quantities;
    for (const WantedLine& line : order.lines) {
        products.push_back(line.product_id);
        quantities.push_back(line.quantity);
    }
    postgres::Parameters parameters;
    parameters.uuid(order.id)
        .uuid(order.customer_id)
        .uuid(order.key)
        .uuid(order.fingerprint)
        .uuid_array(products)
        .int8_array(quantities)
        .int4(static_cast<std::int32_t>(limits.open_orders_max))
        .int8(limits.placing_ms)
        .int8(limits.drive_ms);
    const auto row = co_await pool_.query(place_statement, parameters, deadline);
    Placement placement;
    placement.outcome = static_cast<Placement::Outcome>(row.integer(0, 0));
    if (row.is_null(0, 1)) co_return placement;
    placement.order_id = row.uuid(0, 1);
    placement.attempt = static_cast<std::int32_t>(row.integer(0, 2));
    placement.reservation_id = row.uuid(0, 3);
    co_return placement;
}

net::awaitable<bool> OrdinaryOrderStore::reserved(
    base::Uuid order,
    std::int32_t attempt,
    const StockHold& hold,
    const std::string& currency,
    net::Deadline deadline
) {
    std::vector<base::Uuid> products;
    std::vector<std::string> names;
    std::vector<std::int64_t> prices;
    for (const PricedLine& line : hold.lines) {
        products.push_back(line.product_id);
        names.push_back(line.name);
        prices.push_back(line.unit_price_cents);
    }
    postgres::Parameters parameters;
    parameters.uuid(order)
        .int4(attempt)
        .uuid_array(products)
        .text_array(names)
        .int8_array(prices)
        .text(currency)
        .timestamp_ms(hold.expires_at_ms);
    const auto row = co_await pool_.query(reserved_statement, parameters, deadline);
    co_return row.boolean(0, 0);
}

net::awaitable<bool> OrdinaryOrderStore::refused(
    base::Uuid order,
    std::int32_t attempt,
    RefusedOrder refusal,
    bool release,
    net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.uuid(order)
        .int4(attempt)
        .int4(static_cast<std::int32_t>(refusal.why))
        .optional_uuid(refusal.product_id)
        .optional_int8(refusal.available)
        .boolean(release);
    const auto row = co_await pool_.query(refused_statement, parameters, deadline);
    co_return row.boolean(0, 0);
}

net::awaitable<OrdinaryOrderStore::PayStarted> OrdinaryOrderStore::begin_payment(
    base::Uuid order,
    base::Uuid customer,
    std::optional<RequestKey> key,
    std::int64_t paying_ms,
    net::Deadline deadline
) {
    std::optional<base::Uuid> name;
    std::optional<base::Uuid> fingerprint;
    if (key) {
        name = key->key;
        fingerprint = key->fingerprint;
    }
    postgres::Parameters parameters;
    parameters.uuid(order)
        .uuid(customer)
        .optional_uuid(name)
        .optional_uuid(fingerprint)
        .int8(paying_ms);
    const auto row = co_await pool_.query(begin_statement, parameters, deadline);
    PayStarted started;
    started.outcome = static_cast<OrdinaryPayStart>(row.integer(0, 0));
    if (started.outcome == OrdinaryPayStart::started) {
        started.attempt = {
            .order_id = order,
            .n = static_cast<std::int32_t>(row.integer(0, 1)),
            .amount_cents = row.integer(0, 2),
            .currency = std::string(row.text(0, 3))
        };
    }
    co_return started;
}

net::awaitable<OrdinaryPayFinish> OrdinaryOrderStore::finish_payment(
    base::Uuid order,
    std::int32_t n,
    ChargeVerdict verdict,
    std::int64_t drive_ms,
    net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.uuid(order).int4(n).int4(static_cast<std::int32_t>(verdict)).int8(drive_ms);
    const auto row = co_await pool_.query(finish_statement, parameters, deadline);
    co_return static_cast<OrdinaryPayFinish>(row.integer(0, 0));
}

net::awaitable<OrderState> OrdinaryOrderStore::settled(
    base::Uuid order, bool accepted, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.uuid(order).boolean(accepted);
    const auto row = co_await pool_.query(settled_statement, parameters, deadline);
    co_return static_cast<OrderState>(row.integer(0, 0));
}

net::awaitable<OrdinaryCancel> OrdinaryOrderStore::cancel(
    base::Uuid order, base::Uuid customer, std::optional<RequestKey> key, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.uuid(order).uuid(customer);
    if (key) parameters.uuid(key->key).uuid(key->fingerprint);
    const postgres::Statement& statement = key ? cancel_once_statement : cancel_statement;
    const auto row = co_await pool_.query(statement, parameters, deadline);
    co_return static_cast<OrdinaryCancel>(row.integer(0, 0));
}

net::awaitable<std::int64_t> OrdinaryOrderStore::sweep(int limit, net::Deadline deadline) {
    postgres::Parameters parameters;
    parameters.int4(limit);
    const auto row = co_await pool_.query(sweep_statement, parameters, deadline);
    co_return row.integer(0, 0);
}

net::awaitable<std::vector<base::Uuid>> OrdinaryOrderStore::claim(
    int limit, std::int64_t claim_ms, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.int4(limit).int8(claim_ms);
    const auto rows = co_await pool_.query(claim_statement, parameters, deadline);
    std::vector<base::Uuid> orders;
    for (std::size_t row = 0; row < rows.rows(); ++row) orders.push_back(rows.uuid(row, 0));
    co_return orders;
}

net::awaitable<std::optional<OrdinaryOrder>> OrdinaryOrderStore::find(
    base::Uuid order, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.uuid(order);
    const auto result = co_await pool_.query(find_statement, parameters, deadline);
    if (result.empty()) co_return std::nullopt;
    co_return read_order(result, 0);
}

net::awaitable<std::vector<OrdinaryOrder>> OrdinaryOrderStore::list(
    base::Uuid customer,
    std::optional<base::Uuid> cursor,
    std::optional<OrderState> state,
    int limit,
    net::Deadline deadline
) {
    postgres::Parameters parameters;
    std::optional<std::int64_t> state_number;
    if (state) state_number = static_cast<std::int64_t>(*state);
    parameters.uuid(customer).optional_uuid(cursor).optional_int8(state_number).int4(limit);
    const auto result = co_await pool_.query(list_statement, parameters, deadline);
    std::vector<OrdinaryOrder> orders;
    orders.reserve(result.rows());
    for (std::size_t row = 0; row < result.rows(); ++row) {
        orders.push_back(read_order(result, row));
    }
    co_return orders;
}

}  // namespace order
