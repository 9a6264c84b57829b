#include "order/store/order_store.hpp"

#include <unordered_map>

namespace order {
namespace {

constexpr postgres::Statement find_statement{
    "order_find",
    R"(SELECT id, sale_id, product_id, customer_id, quantity, unit_price_cents, currency, state,
              seq, pos, expires_at, name
       FROM orders.order_find_v2($1, $2))"
};

constexpr postgres::Statement list_statement{
    "order_list",
    R"(SELECT id, sale_id, product_id, customer_id, quantity, unit_price_cents, currency, state,
              seq, pos, expires_at, name
       FROM orders.order_list_v2($1, $2, $3, $4))"
};

SaleOrder read_order(const postgres::Result& result, std::size_t row) {
    return {
        .id = result.uuid(row, 0),
        .sale_id = result.uuid(row, 1),
        .product_id = result.uuid(row, 2),
        .customer_id = result.uuid(row, 3),
        .quantity = result.integer(row, 4),
        .unit_price_cents = result.integer(row, 5),
        .currency = std::string(result.text(row, 6)),
        .state = static_cast<OrderState>(result.integer(row, 7)),
        .seq = result.integer(row, 8),
        .pos = result.integer(row, 9),
        .expires_at_ms = result.timestamp_ms(row, 10),
        .name = std::string(result.text(row, 11))
    };
}

}  // namespace

net::awaitable<std::optional<SaleOrder>> OrderStore::find(
    const base::Uuid& order, const base::Uuid& customer, net::Deadline deadline
) {
    const std::vector<base::Uuid> ids{order};
    postgres::Parameters parameters;
    parameters.uuid_array(ids).uuid(customer);
    const auto result = co_await pool_.query(find_statement, parameters, deadline);
    if (result.empty()) co_return std::nullopt;
    co_return read_order(result, 0);
}

net::awaitable<std::vector<SaleOrder>> OrderStore::find_all(
    const std::vector<base::Uuid>& orders, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.uuid_array(orders).optional_uuid(std::nullopt);
    const auto result = co_await pool_.query(find_statement, parameters, deadline);
    std::unordered_map<base::Uuid, std::size_t> rows;
    rows.reserve(result.rows());
    for (std::size_t row = 0; row < result.rows(); ++row) rows.emplace(result.uuid(row, 0), row);
    std::vector<SaleOrder> found;
    found.reserve(result.rows());
    for (const base::Uuid& id : orders) {
        const auto row = rows.find(id);
        if (row != rows.end()) found.push_back(read_order(result, row->second));
    }
    co_return found;
}

net::awaitable<std::vector<SaleOrder>> OrderStore::list(
    const base::Uuid& customer,
    std::optional<base::Uuid> cursor,
    std::optional<OrderState> state,
    int limit,
    net::Deadline deadline
) {
    std::optional<std::int64_t> state_number;
    if (state) state_number = static_cast<std::int64_t>(*state);
    postgres::Parameters parameters;
    parameters.uuid(customer).optional_uuid(cursor).int4(limit).optional_int8(state_number);
    const auto result = co_await pool_.query(list_statement, parameters, deadline);
    std::vector<SaleOrder> orders;
    orders.reserve(result.rows());
    for (std::size_t row = 0; row < result.rows(); ++row) {
        orders.push_back(read_order(result, row));
    }
    co_return orders;
}

}  // namespace order
