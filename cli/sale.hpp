#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/shop_client.hpp"
#include "net/net.hpp"

namespace cli {

struct SaleOptions {
    std::string id;
    std::string product;
    std::string name = "Flash sale";
    std::int64_t units = 0;
    std::int64_t price_cents = 0;
    std::string currency = "EUR";
    std::string starts_at;  ///< RFC 3339; empty: `starts_in_s` from now
    std::int64_t starts_in_s = 0;
    std::int64_t lasts_s = 3600;
    std::int64_t units_per_customer = 1;
    std::int64_t holds_per_customer = 3;
    std::int64_t hold_ms = 600000;
    std::int64_t wait_s = 30;
    std::string key;
    bool json = false;
    bool watch = false;
};

/// The body of POST /api/v1/flash-sales. Throws UsageError if a value can't be right.
std::string sale_body(const SaleOptions& options, std::int64_t now_ms);

/// Creates the sale and waits until product has set its units aside. Throws Failure if product
/// refused, or did not answer within `wait_s` (the sale then still opens as soon as it does).
net::awaitable<json::Value> create_sale(ShopClient& shop, SaleOptions options);

/// A sale in one line, for --watch.
std::string sale_line(const json::Value& sale);

}  // namespace cli
