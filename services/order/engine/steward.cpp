#include "order/engine/steward.hpp"

#include <utility>

#include "logging/logging.hpp"
#include "net/event.hpp"

namespace order {

using std::chrono::milliseconds;

net::Deadline Steward::store_deadline() const {
    return net::deadline_in(milliseconds(limits_.store_timeout_ms));
}

net::awaitable<void> Steward::run_payments() {
    for (;;) {
        co_await net::sleep_for(milliseconds(limits_.tick_ms));
        co_await attempt("payments", parts_.payments.chase());
    }
}

net::awaitable<void> Steward::run_sales() {
    for (;;) {
        co_await net::sleep_for(milliseconds(limits_.tick_ms));
        parts_.desk.forget_idle();
        co_await attempt("sales", move_sales_on());
    }
}

net::awaitable<void> Steward::run_settlements() {
    for (;;) {
        co_await net::sleep_for(milliseconds(limits_.tick_ms));
        co_await attempt("preparing", prepare_sales());
        co_await attempt("settlements", settle_with_product());
    }
}

net::awaitable<void> Steward::run_expiry() {
    for (;;) {
        co_await net::sleep_for(milliseconds(limits_.tick_ms));
        co_await attempt("expiry", parts_.checkout.sweep());
    }
}

net::awaitable<void> Steward::run_orders() {
    for (;;) {
        co_await net::sleep_for(milliseconds(limits_.tick_ms));
        co_await attempt("orders", parts_.checkout.drive());
    }
}

net::awaitable<void> Steward::run_units() {
    for (;;) {
        co_await net::sleep_for(milliseconds(limits_.tick_ms));
        co_await attempt("units", parts_.checkout.deliver_units());
    }
}

net::awaitable<void> Steward::run_pruning() {
    for (;;) {
        co_await net::sleep_for(milliseconds(limits_.prune_every_ms));
        co_await attempt("pruning", prune());
    }
}

net::awaitable<void> Steward::attempt(std::string_view what, net::awaitable<void> step) {
    try {
        co_await std::move(step);
    } catch (const base::NeighbourError& error) {
        logging::warning("steward waits", {{"step", what}, {"why", error.what()}});
    }
}

net::awaitable<void> Steward::prepare(SaleTerms terms, http::TraceContext trace) {
    const Call call(net::deadline_in(milliseconds(limits_.product_timeout_ms)), trace);
    const auto reserved =
        co_await parts_.product.reserve(terms.id, terms.product_id, terms.allotted, call);
    if (reserved) {
        co_await parts_.sales.open(terms.id, store_deadline());
        logging::info("sale opened", {{"sale", terms.id.to_string()}, {"units", terms.allotted}});
    } else {
        co_await parts_.sales.refuse(terms.id, reserved.error().why, store_deadline());
        logging::warning(
            "product refused the sale's units",
            {{"sale", terms.id.to_string()},
             {"trace_id", trace.trace_id()},
             {"why", reserved.error().why}}
        );
    }
}

net::awaitable<void> Steward::prepare_sales() {
    const SaleStore::DueSales due =
        co_await parts_.sales.due(limits_.preparing_age_ms, store_deadline());
    for (const Sale& sale : due.preparing) {
        co_await attempt("preparing", prepare(sale.terms));
    }
}

net::awaitable<void> Steward::move_sales_on() {
    const SaleStore::DueSales due =
        co_await parts_.sales.due(limits_.preparing_age_ms, store_deadline());
    for (const base::Uuid& sale : due.over) co_await attempt("ending", end_sale(sale));
    for (const base::Uuid& sale : due.reclaimable) co_await attempt("reclaiming", reclaim(sale));
    for (const base::Uuid& sale : due.draining) co_await attempt("settling", settle_sale(sale));
}

net::awaitable<void> Steward::end_sale(base::Uuid sale) {
    co_await parts_.sales.control(sale, SaleAction::end, base::Uuid{}, store_deadline());
    logging::info("sale ended by its clock", {{"sale", sale.to_string()}});
}

net::awaitable<void> Steward::reclaim(base::Uuid sale) {
    const auto engine = co_await parts_.desk.engine(sale, store_deadline());
    if (engine) engine->ask_for_reclaim();
}

net::awaitable<void> Steward::settle_sale(base::Uuid sale) {
    const SaleStore::Settlement settlement = co_await parts_.sales.settle(sale, store_deadline());
    if (settlement.settled) logging::info("sale settled", {{"sale", sale.to_string()}});
}

net::awaitable<void> Steward::settle_with_product() {
    const auto items = co_await parts_.work.claim_settlements(
        limits_.claim_max, limits_.claim_ms, store_deadline()
    );
    for (const WorkStore::SettleItem& item : items) {
        co_await attempt("settlement", settle_item(item));
    }
}

net::awaitable<void> Steward::settle_item(WorkStore::SettleItem item) {
    const auto settled = co_await parts_.product.settle(
        item.sale_id,
        item.product_id,
        item.sold,
        net::deadline_in(milliseconds(limits_.product_timeout_ms))
    );
    if (settled) {
        co_await parts_.work.finish(item.id, store_deadline());
    } else {
        // Stays undone and is told by the audit: product's book says otherwise.
        logging::error(
            "product refused a settlement",
            {{"sale", item.sale_id.to_string()}, {"why", settled.error().why}}
        );
    }
}

net::awaitable<void> Steward::prune() {
    for (int round = 0; round < limits_.prune_rounds_max; ++round) {
        const std::int64_t deleted =
            co_await parts_.work.prune(limits_.prune_max, limits_.retention, store_deadline());
        if (deleted < limits_.prune_max) co_return;
    }
}

}  // namespace order
