#pragma once

#include <string_view>

#include "net/net.hpp"
#include "order/clients/product_client.hpp"
#include "order/engine/checkout.hpp"
#include "order/engine/payments.hpp"
#include "order/engine/sales_desk.hpp"
#include "order/store/work_store.hpp"

namespace order {

struct StewardLimits {
    std::int64_t tick_ms = 500;
    std::int64_t store_timeout_ms = 2000;
    std::int64_t product_timeout_ms = 2000;
    std::int64_t preparing_age_ms = 2000;  ///< younger ones are still driven by their request
    std::int64_t claim_ms = 10000;
    int claim_max = 20;
    std::int64_t prune_every_ms = 60'000;
    int prune_max = 500;        ///< rows of a kind in one transaction
    int prune_rounds_max = 20;  ///< transactions of one turn: what is left waits for the next
    WorkStore::Retention retention;
};

/// Drives on, on every pod, whatever a request or a dead pod left behind: sales that wait for
/// product, sales past their end, draining sales, settlements, payments, ordinary orders; deletes
/// what is kept long enough. Every step may be repeated and run on several pods at once.
class Steward {
  public:
    struct Parts {
        SaleStore& sales;
        WorkStore& work;
        SalesDesk& desk;
        Payments& payments;
        ProductClient& product;
        Checkout& checkout;
    };

    Steward(Parts parts, StewardLimits limits) : parts_(parts), limits_(limits) {}

    /// Loops side by side: a product that doesn't answer must not hold up what doesn't need it.
    net::awaitable<void> run_payments();
    net::awaitable<void> run_sales();
    net::awaitable<void> run_settlements();
    net::awaitable<void> run_expiry();
    net::awaitable<void> run_orders();
    net::awaitable<void> run_units();
    net::awaitable<void> run_pruning();

    /// One sale from `preparing` to open or refused; also called by the request that made it.
    net::awaitable<void> prepare(
        SaleTerms terms, http::TraceContext trace = http::TraceContext::make()
    );

  private:
    /// One that fails must not keep the others from going on.
    net::awaitable<void> attempt(std::string_view what, net::awaitable<void> step);
    net::awaitable<void> prepare_sales();
    net::awaitable<void> move_sales_on();
    net::awaitable<void> end_sale(base::Uuid sale);
    net::awaitable<void> settle_sale(base::Uuid sale);
    net::awaitable<void> reclaim(base::Uuid sale);
    net::awaitable<void> settle_with_product();
    net::awaitable<void> settle_item(WorkStore::SettleItem item);
    net::awaitable<void> prune();
    net::Deadline store_deadline() const;

    Parts parts_;
    StewardLimits limits_;
};

}  // namespace order
