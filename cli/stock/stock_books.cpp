#include "cli/stock/stock_books.hpp"

namespace cli {
namespace {

// A ledger of millions of rows takes a while; nobody waits for it.
constexpr std::chrono::seconds patience{600};
constexpr std::string_view actor = "doorbuster stock reconcile";

// Open reservations are read once, whatever the number of products shown.
constexpr postgres::Statement stock_lines{
    "cli_stock_lines",
    "WITH held AS MATERIALIZED ("
    " SELECT line.product_id, count(*) AS reservations FROM product.reservations AS r"
    "   JOIN product.reservation_lines AS line ON line.reservation_id = r.id"
    "  WHERE r.state = 'open' AND ($1::uuid IS NULL OR line.product_id = $1)"
    "  GROUP BY line.product_id)"
    "SELECT p.id, p.name, p.archived, p.stock, p.reserved, coalesce(held.reservations, 0)"
    " FROM (SELECT * FROM product.products"
    "       WHERE CASE WHEN $1::uuid IS NULL THEN NOT archived ELSE id = $1 END"
    "       ORDER BY stock - reserved, id LIMIT $2) AS p"
    " LEFT JOIN held ON held.product_id = p.id ORDER BY p.stock - p.reserved, p.id"
};

constexpr postgres::Statement open_reservations{
    "cli_open_reservations",
    "SELECT r.id, r.purpose, line.quantity, r.created_at, r.expires_at"
    " FROM product.reservations AS r"
    " JOIN product.reservation_lines AS line ON line.reservation_id = r.id"
    " WHERE r.state = 'open' AND line.product_id = $1 ORDER BY r.created_at, r.id LIMIT $2"
};

constexpr postgres::Statement history{
    "cli_stock_history",
    "SELECT at, kind,"
    " CASE WHEN kind = 'settle_sold' THEN -quantity"
    "      WHEN kind IN ('initial', 'restock', 'return', 'correction') THEN quantity"
    "      ELSE 0 END,"
    " CASE WHEN kind = 'reserve' THEN quantity"
    "      WHEN kind IN ('settle_sold', 'release', 'expire') THEN -quantity"
    "      ELSE coalesce(reserved_change, 0) END,"
    " stock_after, reserved_after, actor, reason, coalesce(reservation_id, return_id)"
    " FROM product.stock_ledger WHERE product_id = $1 ORDER BY id DESC LIMIT $2"
};

constexpr postgres::Statement differences{
    "cli_stock_differences",
    "SELECT product_id, name, stock, reserved, ledger_stock, ledger_reserved, open_reserved,"
    " proposed_stock, finding FROM product.stock_differences_v1($1)"
};

constexpr postgres::Statement correct{
    "cli_correct_stock",
    "SELECT outcome, stock_before, reserved_before, stock_after, reserved_after"
    " FROM product.correct_stock_v1($1, nullif($2, ''), $3, $4)"
};

}  // namespace

net::awaitable<std::vector<StockLine>> read_stock(
    postgres::Pool& pool, std::optional<base::Uuid> product, std::int64_t limit
) {
    postgres::Parameters parameters;
    parameters.optional_uuid(product).int8(limit);
    const auto rows = co_await pool.query(stock_lines, parameters, net::deadline_in(patience));
    std::vector<StockLine> lines;
    for (std::size_t row = 0; row < rows.rows(); ++row) {
        StockLine line;
        line.id = rows.uuid(row, 0);
        line.name = rows.text(row, 1);
        line.archived = rows.boolean(row, 2);
        line.stock = rows.integer(row, 3);
        line.reserved = rows.integer(row, 4);
        line.open_reservations = rows.integer(row, 5);
        lines.push_back(std::move(line));
    }
    co_return lines;
}

net::awaitable<std::vector<OpenReservation>> read_open_reservations(
    postgres::Pool& pool, base::Uuid product, std::int64_t limit
) {
    postgres::Parameters parameters;
    parameters.uuid(product).int8(limit);
    const auto rows =
        co_await pool.query(open_reservations, parameters, net::deadline_in(patience));
    std::vector<OpenReservation> open;
    for (std::size_t row = 0; row < rows.rows(); ++row) {
        OpenReservation reservation;
        reservation.id = rows.uuid(row, 0);
        reservation.purpose = rows.text(row, 1);
        reservation.quantity = rows.integer(row, 2);
        reservation.created_at_ms = rows.timestamp_ms(row, 3);
        reservation.expires_at_ms = rows.optional_timestamp_ms(row, 4);
        open.push_back(std::move(reservation));
    }
    co_return open;
}

net::awaitable<std::vector<Movement>> read_history(
    postgres::Pool& pool, base::Uuid product, std::int64_t limit
) {
    postgres::Parameters parameters;
    parameters.uuid(product).int8(limit);
    const auto rows = co_await pool.query(history, parameters, net::deadline_in(patience));
    std::vector<Movement> movements;
    for (std::size_t row = 0; row < rows.rows(); ++row) {
        Movement movement;
        movement.at_ms = rows.timestamp_ms(row, 0);
        movement.kind = rows.text(row, 1);
        movement.stock_change = rows.integer(row, 2);
        movement.reserved_change = rows.integer(row, 3);
        movement.stock_after = rows.integer(row, 4);
        movement.reserved_after = rows.integer(row, 5);
        movement.actor = rows.text(row, 6);
        movement.reason = rows.optional_text(row, 7).value_or("");
        movement.cause = rows.optional_uuid(row, 8);
        movements.push_back(std::move(movement));
    }
    co_return movements;
}

net::awaitable<std::vector<StockDifference>> read_differences(
    postgres::Pool& pool, std::optional<base::Uuid> product
) {
    postgres::Parameters parameters;
    parameters.optional_uuid(product);
    const auto rows = co_await pool.query(differences, parameters, net::deadline_in(patience));
    std::vector<StockDifference> found;
    for (std::size_t row = 0; row < rows.rows(); ++row) {
        StockDifference difference;
        difference.product_id = rows.uuid(row, 0);
        difference.name = rows.text(row, 1);
        difference.stock = rows.integer(row, 2);
        difference.reserved = rows.integer(row, 3);
        difference.ledger_stock = rows.integer(row, 4);
        difference.ledger_reserved = rows.integer(row, 5);
        difference.open_reserved = rows.integer(row, 6);
        difference.proposed_stock = rows.optional_integer(row, 7);
        difference.finding = rows.text(row, 8);
        found.push_back(std::move(difference));
    }
    co_return found;
}

net::awaitable<StockCorrection> correct_stock(
    postgres::Pool& pool, base::Uuid product, std::string trust, std::string reason
) {
    postgres::Parameters parameters;
    parameters.uuid(product).text(trust).text(reason).text(actor);
    const auto row = co_await pool.query(correct, parameters, net::deadline_in(patience));
    StockCorrection correction;
    correction.outcome = row.text(0, 0);
    correction.stock_before = row.optional_integer(0, 1).value_or(0);
    correction.reserved_before = row.optional_integer(0, 2).value_or(0);
    correction.stock_after = row.optional_integer(0, 3).value_or(0);
    correction.reserved_after = row.optional_integer(0, 4).value_or(0);
    co_return correction;
}

}  // namespace cli
