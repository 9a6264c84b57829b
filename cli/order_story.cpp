#include "cli/order_story.hpp"

#include <array>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "cli/audit/snapshot.hpp"
#include "cli/command.hpp"
#include "cli/table.hpp"
#include "json/json.hpp"

namespace cli {
namespace {

struct ChapterSource {
    std::string_view name;
    std::vector<std::string_view> columns;
    postgres::Statement statement;  ///< $1 is the order; every column is text
};

constexpr postgres::Statement order_statement{
    "story_order",
    R"(WITH states (n, name) AS (VALUES (0, 'reserved'), (1, 'paying'), (2, 'paid'),
           (3, 'cancelled'), (4, 'expired'), (5, 'refunded'), (6, 'placing'), (7, 'refused'))
       SELECT 'ordinary', s.name, o.customer_id::text, o.total_cents::text, o.currency,
              to_char(o.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS'),
              to_char(o.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS'),
              NULL::text, NULL::text
       FROM orders.ordinary_orders o JOIN states s ON s.n = o.state WHERE o.id = $1
       UNION ALL
       SELECT 'flash sale', s.name, o.customer_id::text,
              (o.quantity * o.unit_price_cents)::text, p.currency,
              to_char(b.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS'),
              to_char(o.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS'),
              p.id::text, format('%s.%s', o.seq, o.pos)
       FROM orders.sale_orders o JOIN states s ON s.n = o.state
       JOIN orders.sales p USING (sale_no)
       LEFT JOIN orders.sale_batches b ON b.sale_no = o.sale_no AND b.seq = o.seq
       WHERE o.id = $1)"
};

constexpr postgres::Statement lines_statement{
    "story_lines",
    R"(SELECT product_id::text, quantity::text, name, unit_price_cents::text
       FROM (
           SELECT l.line_no, l.product_id, l.quantity, l.name, l.unit_price_cents
           FROM orders.ordinary_order_lines l WHERE l.order_id = $1
           UNION ALL
           SELECT 1, s.product_id, o.quantity, s.name, o.unit_price_cents
           FROM orders.sale_orders o JOIN orders.sales s USING (sale_no) WHERE o.id = $1
       ) lines ORDER BY line_no)"
};

constexpr postgres::Statement events_statement{
    "story_events",
    R"(SELECT to_char(h.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS'), h.kind,
              h.payment_n::text,
              CASE h.refusal WHEN 1 THEN 'not_enough_stock' WHEN 2 THEN 'product_archived'
                  WHEN 3 THEN 'product_unknown' WHEN 4 THEN 'currencies_mixed'
                  WHEN 5 THEN 'given_up' WHEN 6 THEN 'total_too_large' END,
              h.refused_product::text, h.available::text
       FROM orders.order_history_v1($1) h)"
};

// The provider's own book beside order's; a charge of an attempt that order doesn't know too.
constexpr postgres::Statement payments_statement{
    "story_payments",
    R"(SELECT coalesce(p.n::text, c.provider_key),
              CASE p.state WHEN 0 THEN 'open' WHEN 1 THEN 'declined' WHEN 2 THEN 'paid'
                  WHEN 3 THEN 'void due' WHEN 4 THEN 'voided' WHEN 5 THEN 'refund due'
                  WHEN 6 THEN 'refunded' END,
              p.amount_cents::text, p.currency, p.tries::text, c.state, c.amount_cents::text,
              to_char(p.changed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS')
       FROM (SELECT * FROM orders.payment_attempts WHERE order_id = $1) p
       FULL JOIN (
           SELECT * FROM sandbox.charges WHERE provider_key LIKE $1::text || ':%'
       ) c ON c.provider_key = p.order_id || ':' || p.n
       ORDER BY p.n)"
};

// Each attempt to place an order has a reservation of its own; a sale has one for all its orders.
constexpr postgres::Statement reservations_statement{
    "story_reservations",
    R"(SELECT r.id::text, r.state,
              to_char(r.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS'),
              to_char(r.closed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS'),
              l.product_id::text, l.quantity::text, l.sold::text
       FROM product.reservations r
       LEFT JOIN product.reservation_lines l ON l.reservation_id = r.id
       WHERE r.id IN (
           SELECT orders.ordinary_reservation_v1(o.id, n.n)
           FROM orders.ordinary_orders o CROSS JOIN generate_series(1, o.attempt) AS n (n)
           WHERE o.id = $1
           UNION ALL
           SELECT s.id FROM orders.sale_orders o JOIN orders.sales s USING (sale_no)
           WHERE o.id = $1)
       ORDER BY r.created_at, l.product_id)"
};

constexpr postgres::Statement work_statement{
    "story_work",
    R"(SELECT w.kind, w.attempts::text,
              to_char(w.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS'),
              to_char(w.done_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS')
       FROM orders.work_items w
       WHERE w.subject_id = $1 OR w.subject_id IN (
           SELECT orders.ordinary_reservation_v1(o.id, n.n)
           FROM orders.ordinary_orders o CROSS JOIN generate_series(1, o.attempt) AS n (n)
           WHERE o.id = $1)
       ORDER BY w.id)"
};

constexpr postgres::Statement returns_statement{
    "story_returns",
    R"(SELECT to_char(r.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS'),
              l.product_id::text, l.quantity::text
       FROM product.returns r JOIN product.return_lines l ON l.return_id = r.id
       WHERE r.order_id = $1 ORDER BY l.product_id)"
};

const std::array<ChapterSource, 7>& chapter_sources() {
    static const std::array<ChapterSource, 7> sources{{
        {"order",
         {"kind",
          "state",
          "customer",
          "total_cents",
          "currency",
          "created_at",
          "expires_at",
          "sale",
          "place"},
         order_statement},
        {"lines", {"product", "quantity", "name", "unit_price_cents"}, lines_statement},
        {"events", {"at", "kind", "payment", "refusal", "product", "available"}, events_statement},
        {"payments",
         {"n",
          "state",
          "amount_cents",
          "currency",
          "tries",
          "at_provider",
          "charged_cents",
          "changed_at"},
         payments_statement},
        {"reservations",
         {"reservation", "state", "expires_at", "closed_at", "product", "quantity", "sold"},
         reservations_statement},
        {"work", {"kind", "attempts", "ordered_at", "done_at"}, work_statement},
        {"returns", {"at", "product", "quantity"}, returns_statement},
    }};
    return sources;
}

net::awaitable<OrderStory::Chapter> read_chapter(
    Snapshot& snapshot, const ChapterSource& source, base::Uuid order
) {
    postgres::Parameters parameters;
    parameters.uuid(order);
    const auto result = co_await snapshot.query(source.statement, parameters);
    OrderStory::Chapter chapter;
    chapter.name = source.name;
    chapter.columns.assign(source.columns.begin(), source.columns.end());
    for (std::size_t row = 0; row < result.rows(); ++row) {
        std::vector<std::string> cells;
        for (std::size_t column = 0; column < chapter.columns.size(); ++column) {
            cells.push_back(result.optional_text(row, static_cast<int>(column)).value_or(""));
        }
        chapter.rows.push_back(std::move(cells));
    }
    co_return chapter;
}

/// The columns in which some row has something to say.
OrderStory::Chapter without_empty_columns(const OrderStory::Chapter& chapter) {
    OrderStory::Chapter kept{chapter.name, {}, {}};
    kept.rows.resize(chapter.rows.size());
    for (std::size_t column = 0; column < chapter.columns.size(); ++column) {
        bool is_empty = true;
        for (const auto& row : chapter.rows) is_empty = is_empty && row[column].empty();
        if (is_empty) continue;
        kept.columns.push_back(chapter.columns[column]);
        for (std::size_t row = 0; row < chapter.rows.size(); ++row) {
            kept.rows[row].push_back(chapter.rows[row][column]);
        }
    }
    return kept;
}

}  // namespace

net::awaitable<OrderStory> read_order_story(postgres::Pool& pool, base::Uuid order) {
    OrderStory story;
    Snapshot snapshot = co_await Snapshot::open(pool);
    for (const ChapterSource& source : chapter_sources()) {
        OrderStory::Chapter chapter = co_await read_chapter(snapshot, source, order);
        if (story.chapters.empty() && chapter.rows.empty()) {
            throw Failure("no order has the id " + order.to_string());
        }
        story.chapters.push_back(std::move(chapter));
    }
    co_await snapshot.close();
    co_return story;
}

std::string to_table(const OrderStory& story) {
    std::string out;
    for (const OrderStory::Chapter& chapter : story.chapters) {
        if (chapter.rows.empty()) continue;
        const OrderStory::Chapter shown = without_empty_columns(chapter);
        std::vector<std::vector<std::string>> rows{shown.columns};
        rows.insert(rows.end(), shown.rows.begin(), shown.rows.end());
        out += fmt::format("{}{}\n{}", out.empty() ? "" : "\n", chapter.name, table(rows));
    }
    return out;
}

std::string to_json(const OrderStory& story) {
    json::Object document;
    for (const OrderStory::Chapter& chapter : story.chapters) {
        json::Array rows;
        for (const auto& row : chapter.rows) {
            json::Object cells;
            for (std::size_t column = 0; column < chapter.columns.size(); ++column) {
                if (!row[column].empty()) cells.emplace(chapter.columns[column], row[column]);
            }
            rows.push_back(std::move(cells));
        }
        document.emplace(chapter.name, std::move(rows));
    }
    return json::serialize(document);
}

}  // namespace cli
