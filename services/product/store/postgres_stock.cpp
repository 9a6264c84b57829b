#include "product/store/postgres_stock.hpp"

#include <array>
#include <utility>

#include "base/assertion.hpp"

namespace product {
namespace {

using Reason = StockRefusal::Reason;

#define RESERVATION_COLUMNS                                                                        \
    "outcome, refused_product, available, id, purpose, state, expires_at, created_at, closed_at, " \
    "product_ids, quantities, sold, names, prices_cents, currencies"

constexpr postgres::Statement reserve_stock{
    "reserve_stock",
    "SELECT " RESERVATION_COLUMNS " FROM product.reserve_v2($1, $2, $3, $4, $5, $6)"
};

constexpr postgres::Statement find_reservation{
    "find_reservation", "SELECT " RESERVATION_COLUMNS " FROM product.reservation_v2($1, 'found')"
};

constexpr postgres::Statement settle_reservation{
    "settle_reservation", "SELECT " RESERVATION_COLUMNS " FROM product.settle_v2($1, $2, $3, $4)"
};

#undef RESERVATION_COLUMNS

constexpr postgres::Statement return_stock{
    "return_stock",
    "SELECT outcome, refused_product, created_at FROM product.return_v1($1, $2, $3, $4, $5)"
};

constexpr postgres::Statement restock_product{
    "restock_product", "SELECT outcome, stock, reserved FROM product.restock_v2($1, $2, $3, $4, $5)"
};

constexpr postgres::Statement expire_due_reservations{
    "expire_due_reservations", "SELECT released, last_id FROM product.expire_due_v2($1, $2)"
};

constexpr std::array<std::pair<std::string_view, Reason>, 10> reasons{{
    {"product_unknown", Reason::product_unknown},
    {"product_archived", Reason::product_archived},
    {"not_enough", Reason::not_enough_stock},
    {"closed", Reason::reservation_closed},
    {"unknown", Reason::reservation_unknown},
    {"expired", Reason::reservation_expired},
    {"settled_differently", Reason::settled_differently},
    {"lines_mismatch", Reason::lines_mismatch},
    {"below_reserved", Reason::below_reserved},
    {"key_reused", Reason::key_reused},
}};

Reason reason_of(std::string_view outcome) {
    for (const auto& [name, reason] : reasons) {
        if (name == outcome) return reason;
    }
    DOORBUSTER_ASSERT(!"an outcome that this program knows");
    return Reason::product_unknown;
}

struct Columns {
    explicit Columns(const std::vector<Line>& lines) {
        for (const Line& line : lines) {
            product_ids.push_back(line.product_id);
            quantities.push_back(line.quantity);
        }
    }
    std::vector<base::Uuid> product_ids;
    std::vector<std::int64_t> quantities;
};

std::optional<Reservation> read_reservation(const postgres::Result& row) {
    if (row.is_null(0, 3)) return std::nullopt;
    Reservation reservation;
    reservation.id = row.uuid(0, 3);
    if (!row.is_null(0, 4)) reservation.purpose = parse_purpose(row.text(0, 4));
    const auto state = parse_reservation_state(row.text(0, 5));
    DOORBUSTER_ASSERT(state.has_value());
    reservation.state = *state;
    reservation.expires_at_ms = row.optional_timestamp_ms(0, 6);
    reservation.created_at_ms = row.timestamp_ms(0, 7);
    reservation.closed_at_ms = row.optional_timestamp_ms(0, 8);
    const auto product_ids = row.uuid_array(0, 9);
    const auto quantities = row.integer_array(0, 10);
    const auto sold = row.integer_array(0, 11);
    const auto names = row.text_array(0, 12);
    const auto prices_cents = row.integer_array(0, 13);
    const auto currencies = row.text_array(0, 14);
    for (std::size_t index = 0; index < product_ids.size(); ++index) {
        reservation.lines.push_back(
            {product_ids[index],
             quantities[index],
             sold[index],
             names[index],
             prices_cents[index],
             currencies[index]}
        );
    }
    return reservation;
}

StockOutcome<Reservation> read_answer(const postgres::Result& row, std::string_view fresh) {
    const auto outcome = row.text(0, 0);
    auto reservation = read_reservation(row);
    if (outcome == fresh || outcome == "repeated") {
        DOORBUSTER_ASSERT(reservation.has_value());
        return Made<Reservation>{outcome == fresh, std::move(*reservation)};
    }
    StockRefusal refusal{outcome == "differs" ? Reason::reservation_differs : reason_of(outcome)};
    refusal.product_id = row.optional_uuid(0, 1);
    refusal.available = row.optional_integer(0, 2);
    refusal.reservation = std::move(reservation);
    return std::unexpected(std::move(refusal));
}

}  // namespace

net::awaitable<StockOutcome<Reservation>> PostgresStock::reserve(
    ReservationRequest request, std::string actor, net::Deadline deadline
) {
    const Columns columns(request.lines);
    postgres::Parameters parameters;
    parameters.uuid(request.id)
        .text(to_string(request.purpose))
        .uuid_array(columns.product_ids)
        .int8_array(columns.quantities)
        .optional_int8(request.expires_in_ms)
        .text(actor);
    const auto row = co_await pool_.query(reserve_stock, parameters, deadline);
    co_return read_answer(row, "created");
}

net::awaitable<std::optional<Reservation>> PostgresStock::find(
    base::Uuid id, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.uuid(id);
    const auto row = co_await pool_.query(find_reservation, parameters, deadline);
    if (row.empty()) co_return std::nullopt;
    co_return read_reservation(row);
}

net::awaitable<StockOutcome<Reservation>> PostgresStock::settle(
    base::Uuid id, std::vector<Line> sold, std::string actor, net::Deadline deadline
) {
    const Columns columns(sold);
    postgres::Parameters parameters;
    parameters.uuid(id).uuid_array(columns.product_ids).int8_array(columns.quantities).text(actor);
    const auto row = co_await pool_.query(settle_reservation, parameters, deadline);
    co_return read_answer(row, "settled");
}

net::awaitable<StockOutcome<std::int64_t>> PostgresStock::take_back(
    base::Uuid id,
    base::Uuid order_id,
    std::vector<Line> lines,
    std::string actor,
    net::Deadline deadline
) {
    const Columns columns(lines);
    postgres::Parameters parameters;
    parameters.uuid(id)
        .uuid(order_id)
        .uuid_array(columns.product_ids)
        .int8_array(columns.quantities)
        .text(actor);
    const auto row = co_await pool_.query(return_stock, parameters, deadline);
    const auto outcome = row.text(0, 0);
    if (outcome == "created" || outcome == "repeated") {
        co_return Made<std::int64_t>{outcome == "created", row.timestamp_ms(0, 2)};
    }
    StockRefusal refusal{outcome == "differs" ? Reason::return_differs : reason_of(outcome)};
    refusal.product_id = row.optional_uuid(0, 1);
    co_return std::unexpected(std::move(refusal));
}

net::awaitable<StockOutcome<StockLevel>> PostgresStock::restock(
    base::Uuid product_id,
    std::int64_t quantity,
    std::optional<std::string> reason,
    std::string actor,
    std::string key,
    net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.uuid(product_id).int8(quantity).optional_text(reason).text(actor).text(key);
    const auto row = co_await pool_.query(restock_product, parameters, deadline);
    const auto outcome = row.text(0, 0);
    if (outcome == "created" || outcome == "repeated") {
        const StockLevel level{row.integer(0, 1), row.integer(0, 2)};
        co_return Made<StockLevel>{outcome == "created", level};
    }
    StockRefusal refusal{reason_of(outcome)};
    refusal.product_id = product_id;
    if (!row.is_null(0, 1)) refusal.available = row.integer(0, 1) - row.integer(0, 2);
    co_return std::unexpected(std::move(refusal));
}

net::awaitable<std::int64_t> PostgresStock::expire_due(std::int64_t limit, net::Deadline deadline) {
    std::int64_t released = 0;
    std::optional<base::Uuid> after;
    do {
        postgres::Parameters parameters;
        parameters.int8(limit - released).optional_uuid(after);
        const auto row = co_await pool_.query(expire_due_reservations, parameters, deadline);
        released += row.integer(0, 0);
        after = row.optional_uuid(0, 1);
    } while (after && released < limit);
    co_return released;
}

}  // namespace product
