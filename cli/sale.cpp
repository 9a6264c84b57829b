#include "cli/sale.hpp"

#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "base/timestamp.hpp"
#include "base/uuid.hpp"
#include "cli/command.hpp"
#include "cli/table.hpp"
#include "net/event.hpp"

namespace cli {
namespace {

constexpr std::chrono::milliseconds poll_every{200};
constexpr std::chrono::seconds watch_every{1};

std::string require_uuid(const std::string& text, const char* what) {
    const auto id = base::Uuid::parse(text);
    if (!id) throw UsageError(fmt::format("{} '{}' is not a UUID", what, text));
    return id->to_string();
}

std::string sale_target(const std::string& id) {
    return "/api/v1/flash-sales/" + id;
}

std::string cell(const json::Value& value) {
    if (value.is_string()) return std::string(std::string_view(value.get_string()));
    return json::serialize(value);
}

void print_sale(const json::Value& sale, bool as_json) {
    if (as_json) {
        std::cout << json::serialize(sale) << "\n";
        return;
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& field : sale.as_object()) {
        rows.push_back({std::string(std::string_view(field.key())), cell(field.value())});
    }
    std::cout << table(rows);
}

net::awaitable<json::Value> show_sale(ShopClient& shop, SaleOptions options) {
    const std::string target = sale_target(options.id);
    while (true) {
        json::Value sale = co_await shop.get(target);
        if (!options.watch) co_return sale;
        if (options.json) {
            std::cout << json::serialize(sale) << std::endl;
        } else {
            std::cout << sale_line(sale) << std::endl;
        }
        const std::string state = text_member(sale, "state");
        if (state == "settled" || state == "refused") co_return sale;
        co_await net::sleep_for(watch_every);
    }
}

int run_create(const SaleOptions& options) {
    sale_body(options, base::unix_now_ms());
    net::asio::io_context loop{1};
    ShopClient shop(loop.get_executor(), ShopAccess::read(true));
    print_sale(run(loop, create_sale(shop, options)), options.json);
    return exit_ok;
}

int run_show(SaleOptions options) {
    options.id = require_uuid(options.id, "sale");
    net::asio::io_context loop{1};
    ShopClient shop(loop.get_executor(), ShopAccess::read(false));
    const auto sale = run(loop, show_sale(shop, options));
    if (!options.watch) print_sale(sale, options.json);
    return exit_ok;
}

int run_control(SaleOptions options, const std::string& action) {
    options.id = require_uuid(options.id, "sale");
    net::asio::io_context loop{1};
    ShopClient shop(loop.get_executor(), ShopAccess::read(true));
    print_sale(
        run(loop, shop.post(sale_target(options.id) + "/" + action, "{}", "")), options.json
    );
    return exit_ok;
}

void add_create(CLI::App& sale, const std::shared_ptr<SaleOptions>& options, Action& chosen) {
    CLI::App* const create = sale.add_subcommand("create", "Set units aside and open a sale");
    create->add_option("--product", options->product, "The product's id")->required();
    create->add_option("--units", options->units, "Units to sell")
        ->check(CLI::Range(1, 10000000))
        ->required();
    create->add_option("--price-cents,--unit-price-cents", options->price_cents, "Price per unit")
        ->check(CLI::Range(0, 1000000000))
        ->required();
    create->add_option("--currency", options->currency, "ISO 4217")->capture_default_str();
    create->add_option("--name", options->name, "What buyers see")->capture_default_str();
    auto* const starts_at =
        create->add_option("--starts-at", options->starts_at, "RFC 3339, 2026-11-27T10:00:00Z");
    create->add_option("--starts-in-s", options->starts_in_s, "Or seconds from now")
        ->check(CLI::Range(0, 31 * 86400))
        ->excludes(starts_at)
        ->capture_default_str();
    create->add_option("--lasts-s", options->lasts_s, "How long it is open")
        ->check(CLI::Range(1, 31 * 86400))
        ->capture_default_str();
    create->add_option("--limit,--units-per-customer", options->units_per_customer)
        ->description("Units that one customer may hold or buy")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    create->add_option("--holds,--holds-per-customer", options->holds_per_customer)
        ->description("How often one customer may open a hold")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    auto* const hold_ms = create->add_option("--hold-ms", options->hold_ms, "Time to pay")
                              ->check(CLI::Range(1000, 86400000))
                              ->capture_default_str();
    create
        ->add_option_function<std::int64_t>(
            "--hold-s",
            [options](const std::int64_t& seconds) { options->hold_ms = seconds * 1000; },
            "The same in seconds"
        )
        ->check(CLI::Range(1, 86400))
        ->excludes(hold_ms);
    create->add_option("--wait-s", options->wait_s, "Wait so long until product set units aside")
        ->check(CLI::Range(0, 3600))
        ->capture_default_str();
    create->add_option("--key", options->key, "Idempotency-Key, to repeat a lost call safely");
    create->add_flag("--json", options->json, "Print the sale as JSON");
    create->footer(
        "Environment: DOORBUSTER_URL, DOORBUSTER_TOKEN (an admin's).\n\nExample:\n"
        "  doorbuster sale create --product $PRODUCT --units 1000 --price-cents 9900 \\\n"
        "      --name 'Midnight drop' --starts-in-s 60 --lasts-s 600 --limit 2 --hold-s 300"
    );
    create->callback([options, &chosen] { chosen = [options] { return run_create(*options); }; });
}

void add_show(CLI::App& sale, const std::shared_ptr<SaleOptions>& options, Action& chosen) {
    CLI::App* const show = sale.add_subcommand("show", "How a sale stands");
    show->add_option("id", options->id, "The sale's id")->required();
    show->add_flag("--watch", options->watch, "A line each second until it is settled");
    show->add_flag("--json", options->json, "Print JSON");
    show->footer("Environment: DOORBUSTER_URL.\n\nExample:\n  doorbuster sale show $SALE --watch");
    show->callback([options, &chosen] { chosen = [options] { return run_show(*options); }; });
}

void add_control(
    CLI::App& sale,
    const std::shared_ptr<SaleOptions>& options,
    Action& chosen,
    const std::string& action,
    const std::string& meaning
) {
    CLI::App* const control = sale.add_subcommand(action, meaning);
    control->add_option("id", options->id, "The sale's id")->required();
    control->add_flag("--json", options->json, "Print JSON");
    control->footer(
        "Environment: DOORBUSTER_URL, DOORBUSTER_TOKEN (an admin's).\n\nExample:\n  doorbuster "
        "sale " +
        action + " $SALE"
    );
    control->callback([options, action, &chosen] {
        chosen = [options, action] { return run_control(*options, action); };
    });
}

}  // namespace

std::string sale_body(const SaleOptions& options, std::int64_t now_ms) {
    std::int64_t starts_ms = now_ms + options.starts_in_s * 1000;
    if (!options.starts_at.empty()) {
        const auto given = base::parse_timestamp(options.starts_at);
        if (!given) {
            throw UsageError(fmt::format(
                "--starts-at '{}' is not an RFC 3339 time like 2026-11-27T10:00:00Z",
                options.starts_at
            ));
        }
        starts_ms = *given;
    }
    return json::serialize(json::Object{
        {"product_id", require_uuid(options.product, "--product")},
        {"name", options.name},
        {"units", options.units},
        {"unit_price_cents", options.price_cents},
        {"currency", options.currency},
        {"starts_at", base::format_timestamp(starts_ms)},
        {"ends_at", base::format_timestamp(starts_ms + options.lasts_s * 1000)},
        {"units_per_customer", options.units_per_customer},
        {"holds_per_customer", options.holds_per_customer},
        {"hold_ms", options.hold_ms},
    });
}

net::awaitable<json::Value> create_sale(ShopClient& shop, SaleOptions options) {
    const std::int64_t now_ms = base::unix_now_ms();
    base::UuidGenerator keys;
    const std::string key = options.key.empty() ? keys.next(now_ms).to_string() : options.key;
    const std::string body = sale_body(options, now_ms);
    json::Value sale = co_await shop.post("/api/v1/flash-sales", body, key);
    const std::string id = text_member(sale, "id");
    const auto limit = net::deadline_in(std::chrono::seconds(options.wait_s));
    while (text_member(sale, "state") == "preparing") {
        if (net::SteadyClock::now() >= limit) {
            throw Failure(fmt::format(
                "sale {} is still preparing: product did not answer. It opens as soon as it does; "
                "look with: doorbuster sale show {} --watch",
                id,
                id
            ));
        }
        co_await net::sleep_for(poll_every);
        sale = co_await shop.get(sale_target(id));
    }
    if (text_member(sale, "state") == "refused") {
        const auto* refusal = sale.get_object().if_contains("refusal");
        throw Failure(fmt::format(
            "product refused the units of sale {}: {}; restock the product or sell fewer units",
            id,
            refusal != nullptr ? cell(*refusal) : "no reason given"
        ));
    }
    co_return sale;
}

std::string sale_line(const json::Value& sale) {
    return fmt::format(
        "{}  {:<10}  {:>8} of {} left  seq {}",
        base::format_timestamp(base::unix_now_ms()),
        text_member(sale, "state"),
        integer_member(sale, "remaining"),
        integer_member(sale, "units"),
        integer_member(sale, "seq")
    );
}

void add_sale(CLI::App& root, Action& chosen) {
    CLI::App* const sale = root.add_subcommand("sale", "Flash sales");
    sale->require_subcommand(1);
    const auto options = std::make_shared<SaleOptions>();
    add_create(*sale, options, chosen);
    add_show(*sale, options, chosen);
    add_control(*sale, options, chosen, "pause", "Sell nothing for a while; paying goes on");
    add_control(*sale, options, chosen, "resume", "Sell again");
    add_control(*sale, options, chosen, "end", "Sell nothing more; settle when holds are decided");
}

}  // namespace cli
