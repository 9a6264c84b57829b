#include "cli/catalogue.hpp"

#include <iostream>
#include <map>
#include <memory>

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "base/encoding.hpp"
#include "cli/command.hpp"
#include "cli/table.hpp"
#include "token/digest.hpp"

namespace cli {
namespace {

// A catalogue longer than this is nobody's demonstration.
constexpr int pages_max = 100;

int run_seed(bool as_json) {
    net::asio::io_context loop{1};
    ShopClient shop(loop.get_executor(), ShopAccess::read(true));
    const auto seeded = run(loop, seed_catalogue(shop));
    json::Array listed;
    std::vector<std::vector<std::string>> rows{{"id", "name", "price", "", "was"}};
    for (const SeededProduct& product : seeded) {
        listed.push_back(json::Object{
            {"id", product.id},
            {"name", product.name},
            {"price_cents", product.price_cents},
            {"currency", product.currency},
            {"created", product.created},
        });
        rows.push_back(
            {product.id,
             product.name,
             fmt::format("{}.{:02}", product.price_cents / 100, product.price_cents % 100),
             product.currency,
             product.created ? "created" : "there already"}
        );
    }
    std::cout << (as_json ? json::serialize(listed) + "\n" : table(rows));
    return exit_ok;
}

/// All products the shop lists, by name.
net::awaitable<std::map<std::string, json::Value>> list_products(ShopClient& shop) {
    std::map<std::string, json::Value> products;
    std::string target = "/api/v1/products?limit=100";
    for (int page = 0; page < pages_max; ++page) {
        const json::Value answer = co_await shop.get(target);
        const json::Value& listed = member(answer, "products");
        if (!listed.is_array()) throw Failure("the shop's products are no list");
        for (const json::Value& product : listed.get_array()) {
            products.emplace(text_member(product, "name"), product);
        }
        const auto* cursor = answer.get_object().if_contains("next_cursor");
        if (cursor == nullptr || !cursor->is_string()) break;
        target = "/api/v1/products?limit=100&cursor=";
        target += std::string_view(cursor->get_string());
    }
    co_return products;
}

SeededProduct seeded_from(const json::Value& product, bool created) {
    SeededProduct seeded;
    seeded.id = text_member(product, "id");
    seeded.name = text_member(product, "name");
    seeded.price_cents = integer_member(product, "price_cents");
    seeded.currency = text_member(product, "currency");
    seeded.created = created;
    return seeded;
}

}  // namespace

const std::vector<CatalogueItem>& catalogue_items() {
    static const std::vector<CatalogueItem> items{
        {"Aurora 27 Monitor",
         "monitors",
         34900,
         500,
         "27 inch, 2560 x 1440, 165 Hz, height-adjustable stand, USB-C with 65 W."},
        {"Basalt Mechanical Keyboard",
         "keyboards",
         12900,
         800,
         "75 percent, hot-swappable tactile switches, aluminium case, PBT keycaps."},
        {"Cirrus Noise-Cancelling Headphones",
         "audio",
         24900,
         600,
         "Over-ear, 38 hours, multipoint Bluetooth 5.3, folds flat, case included."},
        {"Delta Trackball Mouse",
         "mice",
         6900,
         900,
         "Thumb-operated, 34 mm ball, six buttons, wireless receiver or Bluetooth."},
        {"Ember Pour-Over Kettle",
         "kitchen",
         8900,
         400,
         "Gooseneck, 0.9 l, temperature to the degree, holds it for 30 minutes."},
        {"Fjord Down Jacket",
         "clothing",
         19900,
         300,
         "800-fill responsible down, 390 g, water-repellent shell, two-way zip."},
        {"Granite Cast-Iron Pan 28 cm",
         "kitchen",
         5900,
         700,
         "Pre-seasoned, polished cooking surface, suits every hob and the oven."},
        {"Halo Desk Lamp",
         "home",
         7900,
         650,
         "Dimmable LED, 2700 to 6500 K, colour rendering 95, no flicker."},
        {"Iris Instant Camera",
         "cameras",
         11900,
         350,
         "Square prints in 90 seconds, double exposure, self-timer, USB-C charging."},
        {"Juniper Running Shoes",
         "sport",
         13900,
         1000,
         "Neutral, 8 mm drop, 255 g in size 42, recycled mesh upper."},
        {"Keystone Portable SSD 2 TB",
         "storage",
         15900,
         750,
         "Up to 2000 MB/s, hardware encryption, survives a fall from three metres."},
        {"Lumen E-Reader 7",
         "readers",
         16900,
         450,
         "7 inch, 300 ppi, warm light, waterproof, weeks on one charge."},
    };
    return items;
}

std::string product_body(const CatalogueItem& item) {
    return json::serialize(json::Object{
        {"name", item.name},
        {"description", item.description},
        {"category", item.category},
        {"price_cents", item.price_cents},
        {"currency", "EUR"},
        {"image", ""},
        {"initial_stock", item.stock},
    });
}

net::awaitable<std::vector<SeededProduct>> seed_catalogue(ShopClient& shop) {
    const auto known = co_await list_products(shop);
    std::vector<SeededProduct> seeded;
    for (const CatalogueItem& item : catalogue_items()) {
        const auto found = known.find(item.name);
        if (found != known.end()) {
            seeded.push_back(seeded_from(found->second, false));
            continue;
        }
        const std::string body = product_body(item);
        // Two seedings at once make each product once: the key follows from what is made.
        const std::string key = "catalogue-seed-" + base::to_hex(token::sha256(body)).substr(0, 32);
        const json::Value made = co_await shop.post("/api/v1/products", body, key);
        seeded.push_back(seeded_from(made, true));
    }
    co_return seeded;
}

void add_catalogue(CLI::App& root, Action& chosen) {
    CLI::App* const catalogue = root.add_subcommand("catalogue", "The products of the shop");
    catalogue->require_subcommand(1);
    const auto as_json = std::make_shared<bool>(false);
    CLI::App* const seed =
        catalogue->add_subcommand("seed", "Put a small catalogue into the shop, once");
    seed->add_flag("--json", *as_json, "Print JSON");
    seed->footer(
        "Environment: DOORBUSTER_URL, DOORBUSTER_TOKEN (an admin's).\n"
        "Products that are there already, by name, stay as they are.\n\nExample:\n"
        "  doorbuster catalogue seed --json | jq -r '.[0].id'"
    );
    seed->callback([as_json, &chosen] { chosen = [as_json] { return run_seed(*as_json); }; });
    add_catalogue_import(*catalogue, chosen);
}

}  // namespace cli
