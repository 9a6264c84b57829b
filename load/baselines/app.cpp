#include "baselines/app.hpp"

#include <utility>

#include "base/timestamp.hpp"
#include "baselines/lock_per_request.hpp"
#include "baselines/purchase.hpp"
#include "baselines/row_update.hpp"
#include "http/problem.hpp"

namespace baselines {
namespace {

// As order's: left for writing the answer.
constexpr std::chrono::milliseconds answer_margin(30);

constexpr postgres::Statement terms_statement{
    "baseline_terms",
    R"(SELECT sale_no, product_id, unit_price_cents, currency, units_per_customer,
              holds_per_customer, hold_ms
       FROM orders.sales WHERE id = $1)"
};

Terms read_terms(const base::Uuid& sale, const postgres::Result& row) {
    Terms terms;
    terms.id = sale;
    terms.sale_no = static_cast<std::int32_t>(row.integer(0, 0));
    terms.product_id = row.uuid(0, 1);
    terms.unit_price_cents = row.integer(0, 2);
    terms.currency = row.text(0, 3);
    terms.units_per_customer = row.integer(0, 4);
    terms.holds_per_customer = row.integer(0, 5);
    terms.hold_ms = row.integer(0, 6);
    return terms;
}

}  // namespace

App::App(service::Context& context, Config config)
    : config_(std::move(config)),
      pool_(context.executor, config_.database, &context.metrics),
      redis_(context.executor, config_.redis, &context.metrics),
      access_(context, config_.access) {
    if (config_.uses_lock) {
        seller_ = std::make_unique<LockPerRequest>(pool_, redis_);
    } else {
        seller_ = std::make_unique<RowUpdate>(pool_);
    }
    router_.add("POST", "/api/v1/flash-sales/{id}/orders", [this](http::Request& request) {
        return place_order(request);
    });
}

void App::start() {
    if (config_.uses_lock) redis_.start();
    access_.start();
}

net::awaitable<http::Response> App::place_order(http::Request& request) {
    const auto claims = access_.caller(request);
    if (!claims) co_return http::to_response(claims.error());
    auto purchase = read_purchase(request);
    if (!purchase) co_return purchase.error();
    const Terms* const terms = co_await terms_of(purchase->sale_id, request.deadline);
    if (terms == nullptr) co_return sale_unknown();
    purchase->take.customer_id = claims->account_id;
    purchase->take.order_id = ids_.next(base::unix_now_ms());
    const TakeAnswer answer =
        co_await seller_->take(*terms, purchase->take, request.deadline - answer_margin);
    co_return to_response(*terms, *purchase, answer);
}

net::awaitable<const Terms*> App::terms_of(const base::Uuid& sale, net::Deadline deadline) {
    const auto found = terms_.find(sale);
    if (found != terms_.end()) co_return &found->second;
    postgres::Parameters parameters;
    parameters.uuid(sale);
    const auto row = co_await pool_.query(terms_statement, parameters, deadline);
    if (row.empty()) co_return nullptr;
    const auto kept = terms_.emplace(sale, read_terms(sale, row)).first;
    co_return &kept->second;
}

}  // namespace baselines
