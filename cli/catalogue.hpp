#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "cli/shop_client.hpp"
#include "net/net.hpp"

namespace CLI {
class App;
}

namespace cli {

struct CatalogueItem {
    std::string name;
    std::string category;
    std::int64_t price_cents = 0;
    std::int64_t stock = 0;
    std::string description;
};

/// A small shop's worth of products, for demonstrations and trials.
const std::vector<CatalogueItem>& catalogue_items();

/// The body of POST /api/v1/products.
std::string product_body(const CatalogueItem& item);

struct SeededProduct {
    std::string id;
    std::string name;
    std::int64_t price_cents = 0;
    std::string currency;
    bool created = false;  ///< false: a product of that name was there
};
net::awaitable<std::vector<SeededProduct>> seed_catalogue(ShopClient& shop);

/// `catalogue import`, in a file of its own.
void add_catalogue_import(CLI::App& catalogue, Action& chosen);

}  // namespace cli
