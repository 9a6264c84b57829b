#pragma once

#include <string>

#include "base/uuid.hpp"
#include "order/engine/checkout.hpp"
#include "order/engine/database_clock.hpp"
#include "order/engine/order_lookup.hpp"
#include "order/engine/payments.hpp"
#include "order/engine/sales_desk.hpp"
#include "order/engine/steward.hpp"
#include "order/store/order_history_store.hpp"
#include "order/store/order_store.hpp"
#include "order/store/ordinary_order_store.hpp"
#include "order/store/sale_store.hpp"
#include "order/store/sale_tally.hpp"
#include "service/access.hpp"

namespace order::api {

/// What the handlers work with; made and owned by App.
struct Parts {
    service::Access& access;
    const service::ServiceCallers& callers;
    SalesDesk& desk;
    SaleStore& sales;
    SaleTallies& tallies;
    OrderStore& orders;
    OrderLookup& lookup;
    OrdinaryOrderStore& ordinary_orders;
    OrderHistoryStore& history;
    Payments& payments;
    Checkout& checkout;
    Steward& steward;
    DatabaseClock& clock;
    base::UuidGenerator& ids;
    const std::string& webhook_secret;  ///< shared with the payment provider
};

}  // namespace order::api
