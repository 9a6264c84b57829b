#include "order/api/order_json.hpp"

#include <algorithm>

#include "base/timestamp.hpp"
#include "base/whole_number.hpp"
#include "token/digest.hpp"

namespace order::api {

namespace {

/// When a UUIDv7 was made: its first 48 bits.
std::int64_t made_at_ms(const base::Uuid& id) {
    std::int64_t time_ms = 0;
    for (std::size_t index = 0; index < 6; ++index) time_ms = time_ms << 8 | id.bytes.at(index);
    return time_ms;
}

RefusalBody to_body(const RefusedOrder& refusal) {
    return {std::string(to_string(refusal.why)), refusal.product_id, refusal.available};
}

}  // namespace

OrderBody to_body(const SaleOrder& order) {
    OrderBody body;
    body.order_id = order.id;
    body.kind = "flash_sale";
    body.state = to_string(order.state);
    body.sale_id = order.sale_id;
    body.product_id = order.product_id;
    body.quantity = order.quantity;
    body.unit_price_cents = order.unit_price_cents;
    body.currency = order.currency;
    body.total_cents = order.quantity * order.unit_price_cents;
    body.lines.push_back({order.product_id, order.quantity, order.name, order.unit_price_cents});
    body.seq = order.seq;
    body.pos = order.pos;
    body.created_at = base::format_timestamp(made_at_ms(order.id));
    body.expires_at = base::format_timestamp(order.expires_at_ms);
    return body;
}

OrderBody to_body(const OrdinaryOrder& order) {
    OrderBody body;
    body.order_id = order.id;
    body.kind = "ordinary";
    body.state = to_string(order.state);
    body.currency = order.currency;
    body.total_cents = order.total_cents;
    for (const OrdinaryOrder::Line& line : order.lines) {
        OrderLineBody shown{line.product_id, line.quantity, {}, {}};
        if (order.is_priced()) {
            shown.name = line.name;
            shown.unit_price_cents = line.unit_price_cents;
        }
        body.lines.push_back(std::move(shown));
    }
    body.created_at = base::format_timestamp(order.created_at_ms);
    if (order.is_priced()) body.expires_at = base::format_timestamp(order.expires_at_ms);
    if (order.refusal) body.refusal = to_body(*order.refusal);
    return body;
}

OrderEventBody to_body(const OrderEvent& event) {
    OrderEventBody body;
    body.at = base::format_timestamp(event.at_ms);
    body.kind = event.kind;
    body.payment = event.payment_n;
    if (event.refusal) body.refusal = to_body(*event.refusal);
    return body;
}

SaleBody to_body(const Sale& sale, std::int64_t now_ms) {
    const SaleTerms& terms = sale.terms;
    const SaleStanding& standing = sale.standing;
    SaleBody body;
    body.id = terms.id;
    body.product_id = terms.product_id;
    body.name = terms.name;
    body.state = phase_of(sale, now_ms);
    body.unit_price_cents = terms.unit_price_cents;
    body.currency = terms.currency;
    body.units = terms.allotted;
    body.remaining = standing.remaining;
    body.sold_out = standing.sold_out;
    body.units_per_customer = terms.units_per_customer;
    body.holds_per_customer = terms.holds_per_customer;
    body.hold_ms = terms.hold_ms;
    body.starts_at = base::format_timestamp(terms.starts_at_ms);
    body.ends_at = base::format_timestamp(terms.ends_at_ms);
    body.seq = standing.seq;
    if (standing.state == SaleState::settled) {
        body.sold = standing.sold;
        body.released = standing.released;
    }
    if (!standing.refusal.empty()) body.refusal = standing.refusal;
    return body;
}

std::optional<base::Uuid> id_of(const http::Request& request) {
    return base::Uuid::parse(request.path_parameter("id"));
}

std::expected<Page, FieldProblem> page_of(const http::Request& request) {
    Page page;
    if (const auto text = request.query_parameter("limit")) {
        page.limit = base::whole_number<int>(*text).value_or(0);
        if (page.limit < 1 || page.limit > 100) {
            return std::unexpected(FieldProblem{"limit", "Must be a number from 1 to 100."});
        }
    }
    if (const auto text = request.query_parameter("cursor")) {
        page.cursor = base::Uuid::parse(*text);
        if (!page.cursor) {
            return std::unexpected(FieldProblem{"cursor", "Must be a next_cursor of this list."});
        }
    }
    return page;
}

base::Uuid digest_of(std::string_view text) {
    const token::Digest digest = token::sha256(text);
    base::Uuid id;
    std::copy_n(digest.begin(), id.bytes.size(), id.bytes.begin());
    return id;
}

}  // namespace order::api
