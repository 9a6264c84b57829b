#include "order/api/sales.hpp"

#include <fmt/format.h>

#include "base/timestamp.hpp"
#include "json/decode.hpp"
#include "json/encode.hpp"
#include "order/api/error_response.hpp"
#include "order/api/idempotency_key.hpp"
#include "order/api/order_json.hpp"

namespace order::api {
namespace {

constexpr std::int64_t default_units_per_customer = 1;
constexpr std::int64_t default_holds_per_customer = 3;
constexpr std::int64_t default_hold_ms = 10 * 60 * 1000;

http::Response sale_response(int status, const Sale& sale) {
    return http::json_response(status, json::encode(to_body(sale, base::unix_now_ms())));
}

std::expected<SaleTerms, FieldProblem> terms_of(const CreateSaleBody& body) {
    SaleTerms terms;
    terms.product_id = body.product_id;
    terms.name = body.name;
    terms.unit_price_cents = body.unit_price_cents;
    terms.currency = body.currency;
    terms.allotted = body.units;
    terms.units_per_customer = body.units_per_customer.value_or(default_units_per_customer);
    terms.holds_per_customer = body.holds_per_customer.value_or(default_holds_per_customer);
    terms.hold_ms = body.hold_ms.value_or(default_hold_ms);
    const auto starts = base::parse_timestamp(body.starts_at);
    if (!starts) return std::unexpected(FieldProblem{"starts_at", "Must be an RFC 3339 time."});
    const auto ends = base::parse_timestamp(body.ends_at);
    if (!ends) return std::unexpected(FieldProblem{"ends_at", "Must be an RFC 3339 time."});
    terms.starts_at_ms = *starts;
    terms.ends_at_ms = *ends;
    return terms;
}

}  // namespace

net::awaitable<http::Response> list_sales(Parts& parts, http::Request& request) {
    const auto page = page_of(request);
    if (!page) co_return field_response(page.error());
    const auto sales = co_await parts.sales.list(page->cursor, page->limit, request.deadline);
    SaleListBody body;
    const std::int64_t now_ms = base::unix_now_ms();
    for (const Sale& sale : sales) body.flash_sales.push_back(to_body(sale, now_ms));
    if (sales.size() == static_cast<std::size_t>(page->limit)) {
        body.next_cursor = sales.back().terms.id.to_string();
    }
    co_return http::json_response(200, json::encode(body));
}

net::awaitable<http::Response> get_sale(Parts& parts, http::Request& request) {
    const auto id = id_of(request);
    if (!id) co_return sale_unknown();
    const auto sale = co_await parts.sales.find(*id, request.deadline);
    if (!sale) co_return sale_unknown();
    co_return sale_response(200, *sale);
}

net::awaitable<http::Response> create_sale(Parts& parts, http::Request& request) {
    const auto claims = parts.access.admin(request);
    if (!claims) co_return http::to_response(claims.error());
    const auto key = key_of(request);
    if (!key) co_return field_response(key.error());
    const auto body = json::decode<CreateSaleBody>(request.body);
    if (!body) co_return body_response(body.error());
    auto terms = terms_of(*body);
    if (!terms) co_return field_response(terms.error());
    const std::int64_t now_ms = base::unix_now_ms();
    if (const auto checked = check_terms(*terms, now_ms); !checked) {
        co_return field_response(checked.error());
    }
    terms->id = parts.ids.next(now_ms);
    SaleStore::NewSale wanted;
    wanted.terms = *terms;
    wanted.created_by = claims->account_id;
    wanted.created_key = *key;
    wanted.fingerprint = digest_of("sale " + json::encode(*body));
    const auto created = co_await parts.sales.create(wanted, request.deadline);
    if (!created) co_return key_reused();
    Sale sale = created->sale;
    if (sale.standing.state == SaleState::preparing) {
        try {
            co_await parts.steward.prepare(sale.terms, request.trace);
        } catch (const base::NeighbourError&) {
            // It stays `preparing`; the steward of some pod drives it on.
        }
        const auto prepared = co_await parts.sales.find(sale.terms.id, request.deadline);
        if (prepared) sale = *prepared;
    }
    co_return sale_response(created->repeated ? 200 : 201, sale);
}

net::awaitable<http::Response> control_sale(
    Parts& parts, SaleAction action, http::Request& request
) {
    const auto claims = parts.access.admin(request);
    if (!claims) co_return http::to_response(claims.error());
    const auto id = id_of(request);
    if (!id) co_return sale_unknown();
    const auto outcome =
        co_await parts.sales.control(*id, action, claims->account_id, request.deadline);
    if (!outcome) {
        if (outcome.error() == SaleStore::ControlRefusal::no_such_sale) co_return sale_unknown();
        co_return http::to_response(
            {409,
             outcome.error() == SaleStore::ControlRefusal::settled ? "settled" : "not_open",
             "The sale is not in a state that allows this.",
             {},
             {},
             {}}
        );
    }
    if (const auto engine = parts.desk.running(*id)) {
        const auto seen = co_await parts.sales.read(*id, request.deadline);
        if (seen) engine->observe(*seen);
    }
    const auto sale = co_await parts.sales.find(*id, request.deadline);
    if (!sale) co_return sale_unknown();
    co_return sale_response(200, *sale);
}

net::awaitable<http::Response> audit_sale(Parts& parts, http::Request& request) {
    const auto claims = parts.access.admin(request);
    if (!claims) co_return http::to_response(claims.error());
    const auto id = id_of(request);
    if (!id) co_return sale_unknown();
    const auto tally = co_await parts.tallies.count(*id, request.deadline);
    if (!tally) co_return sale_unknown();
    co_return http::json_response(
        200,
        fmt::format(
            R"({{"allotted":{},"remaining":{},"held":{},"sold":{},"released":{},"orders":{},)"
            R"("customers":{},"seq":{},"batches":{},"adds_up":{}}})",
            tally->allotted,
            tally->remaining,
            tally->held,
            tally->sold,
            tally->released,
            tally->orders,
            tally->customers,
            tally->seq,
            tally->batches,
            tally->adds_up()
        )
    );
}

}  // namespace order::api
