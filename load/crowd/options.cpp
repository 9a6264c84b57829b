#include "crowd/options.hpp"

#include <charconv>
#include <ostream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/uuid.hpp"

namespace crowd {
namespace {

constexpr int usage_error = 2;
constexpr std::int64_t quantity_max = 1000;

constexpr const char* examples = R"(Examples:
  500 buyers storm a sale until it is sold out, paying for 80 % of what they get:
    crowd --gateway 127.0.0.1:8080 --customers customers.jsonl --sale $SALE --connections 500 \
          --until-sold-out --retries --pay 0.8 --cancel 0.1 --pay-delay-ms 0:4000 --report out.json
  300 arrivals a second for a minute, whatever the shop does, with a log for `doorbuster audit`:
    crowd --gateway 127.0.0.1:8080 --customers customers.jsonl --sale $SALE --connections 200 \
          --arrival open --rate 300 --duration-s 60 --duplicates 0.05 --retries --log crowd.tsv
  50 customers who order two products at a time and pay, for ten seconds:
    crowd --gateway 127.0.0.1:8080 --customers customers.jsonl --products ids.txt --pay 1 \
          --connections 50 --duration-s 10 --purchases-per-customer 0 --report -

SIGTERM, SIGINT or the --stop-file end the arrivals; what is under way is finished, then the report
is written. A second signal ends at once. Exit codes: 0 ran, 1 no answer at all or a file could not
be written, 2 usage.)";

bool read_whole(std::string_view text, std::int64_t& number) {
    const char* const end = text.data() + text.size();
    const auto [stopped, fault] = std::from_chars(text.data(), end, number);
    return fault == std::errc() && stopped == end;
}

/// What CLI11 leaves as text until everything is read.
struct Texts {
    std::string gateway = "127.0.0.1:8080";
    std::string quantities = "1";
    std::string pay_delay = "0";
    bool duration_given = false;
};

void add_where(CLI::App& app, Options& options, Texts& texts) {
    app.add_option("--gateway", texts.gateway, "The shop's door, host:port")->capture_default_str();
    app.add_option(
           "--customers",
           options.customers_file,
           "JSON lines {\"account_id\",\"token\"}, from `doorbuster customers seed`"
    )
        ->required();
    app.add_option("--sale", options.sale, "The flash sale's id (UUID)");
    app.add_option(
        "--products",
        options.products_file,
        "Instead of --sale: ordinary orders of these products, one id a line"
    );
    app.add_option("--lines", options.lines, "Different products per ordinary order")
        ->check(CLI::Range(1, lines_max))
        ->capture_default_str();
    app.add_option("--seed", options.seed, "Makes the run's choices repeatable")
        ->capture_default_str();
}

void add_arrival(CLI::App& app, Options& options, Texts& texts) {
    app.add_option("--connections", options.connections, "Keep-alive connections to hold")
        ->check(CLI::Range(1, connections_max))
        ->capture_default_str();
    app.add_option(
           "--arrival", options.arrival, "closed: as many buyers as connections; open: by the clock"
    )
        ->transform(CLI::CheckedTransformer(
            std::map<std::string, Arrival>{{"closed", Arrival::closed}, {"open", Arrival::open}}
        ))
        ->default_str("closed");
    app.add_option("--rate", options.rate, "Open: arrivals per second")
        ->check(CLI::Range(0.001, rate_max))
        ->capture_default_str();
    app.add_option("--spacing", options.spacing, "Open: constant or exponential gaps")
        ->transform(CLI::CheckedTransformer(std::map<std::string, Spacing>{
            {"constant", Spacing::constant}, {"exponential", Spacing::exponential}
        }))
        ->default_str("exponential");
    app.add_option(
           "--duration-s", options.duration_s, "End arrivals after (600 with --until-sold-out)"
    )
        ->check(CLI::Range(0.05, duration_s_max))
        ->each([&texts](const std::string&) { texts.duration_given = true; })
        ->capture_default_str();
    app.add_flag(
        "--until-sold-out",
        options.until_sold_out,
        "Closed: end when every buyer has a definite answer or was told sold out"
    );
    app.add_option("--stop-file", options.stop_file, "End arrivals when this file exists");
    app.add_option(
           "--finish-s", options.finish_s, "After the arrivals, finish for at most this long"
    )
        ->check(CLI::Range(0.0, 600.0))
        ->capture_default_str();
}

void add_buyers(CLI::App& app, Options& options, Texts& texts) {
    app.add_option(
           "--purchases-per-customer", options.purchases_per_customer, "0: no bound but the time"
    )
        ->check(CLI::Range(0, 1000000))
        ->capture_default_str();
    app.add_option(
           "--quantity",
           texts.quantities,
           "Units per purchase (of each product), or a mix: 1:80,2:20"
    )
        ->capture_default_str();
    app.add_option("--duplicates", options.duplicates, "Share of purchases clicked twice, same key")
        ->check(CLI::Range(0.0, 1.0))
        ->capture_default_str();
    app.add_option("--think-ms", options.think_ms, "Closed: pause before the next purchase")
        ->check(CLI::Range(0, 3600000))
        ->capture_default_str();
    app.add_option("--pay", options.pay, "Share of orders that are paid")
        ->check(CLI::Range(0.0, 1.0))
        ->capture_default_str();
    app.add_option("--cancel", options.cancel, "Share that is cancelled; the rest is abandoned")
        ->check(CLI::Range(0.0, 1.0))
        ->capture_default_str();
    app.add_option("--decline", options.decline, "Share of payments whose first card is declined")
        ->check(CLI::Range(0.0, 1.0))
        ->capture_default_str();
    app.add_option("--pay-delay-ms", texts.pay_delay, "Before paying or cancelling: 250 or 0:4000")
        ->capture_default_str();
}

void add_patience(CLI::App& app, Options& options) {
    app.add_flag(
        "--retries",
        options.retries,
        "Ask again with the same key after not-now answers, 429, 503 and lost answers"
    );
    app.add_option("--retry-max", options.retry_max, "Further tries per purchase")
        ->check(CLI::Range(0, 100000))
        ->capture_default_str();
    app.add_option("--retry-wait-max-ms", options.retry_wait_max_ms, "Caps the shop's Retry-After")
        ->check(CLI::Range(1, 600000))
        ->capture_default_str();
    app.add_option("--give-up-s", options.give_up_s, "A buyer's patience with one purchase")
        ->check(CLI::Range(0.01, 3600.0))
        ->capture_default_str();
    app.add_option("--request-timeout-ms", options.request_timeout_ms, "For one answer")
        ->check(CLI::Range(1, 600000))
        ->capture_default_str();
}

void add_records(CLI::App& app, Options& options) {
    app.add_option("--log", options.log_file, "Every exchange, tab-separated, for the audit");
    app.add_option("--report", options.report_file, "JSON report (- for standard output)");
    app.add_flag("--progress", options.progress, "One line a second on standard error");
}

/// The faults that CLI11 can't see; empty if there is none.
std::string complete(Options& options, const Texts& texts) {
    const auto colon = texts.gateway.rfind(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == texts.gateway.size()) {
        return fmt::format(
            "--gateway '{}' is not host:port; for example --gateway 127.0.0.1:8080", texts.gateway
        );
    }
    options.host = texts.gateway.substr(0, colon);
    options.port = texts.gateway.substr(colon + 1);
    if (options.sale.empty() == options.products_file.empty()) {
        return "give one of --sale and --products";
    }
    if (options.sale.empty() && (options.until_sold_out || !options.log_file.empty())) {
        return "--until-sold-out and --log are about a sale, not about --products";
    }
    if (!options.sale.empty() && !base::Uuid::parse(options.sale)) {
        return fmt::format(
            "--sale '{}' is not a UUID; `doorbuster sale create` prints it", options.sale
        );
    }
    const auto quantities = parse_quantities(texts.quantities);
    if (!quantities) return "--quantity " + quantities.error();
    options.quantities = *quantities;
    const auto delay = parse_range(texts.pay_delay);
    if (!delay) return "--pay-delay-ms " + delay.error();
    options.pay_delay_ms = *delay;
    if (options.pay + options.cancel > 1.0 + 1e-9) {
        return "--pay and --cancel together are more than 1; lower one of them";
    }
    if (options.until_sold_out && options.arrival == Arrival::open) {
        return "--until-sold-out needs --arrival closed; for open arrivals give --duration-s";
    }
    if (options.until_sold_out && !texts.duration_given) options.duration_s = 600;
    return {};
}

}  // namespace

std::expected<std::vector<QuantityShare>, std::string> parse_quantities(std::string_view text) {
    std::vector<QuantityShare> shares;
    const auto fault = [&] {
        return std::unexpected(fmt::format(
            "'{}' is neither a quantity nor a mix of quantity:weight (quantities 1 to {}); "
            "for example 1 or 1:80,2:20",
            text,
            quantity_max
        ));
    };
    std::string_view rest = text;
    while (true) {
        const auto comma = rest.find(',');
        const auto part = rest.substr(0, comma);
        const auto colon = part.find(':');
        QuantityShare share;
        if (!read_whole(part.substr(0, colon), share.quantity)) return fault();
        if (colon != std::string_view::npos && !read_whole(part.substr(colon + 1), share.weight)) {
            return fault();
        }
        if (share.quantity < 1 || share.quantity > quantity_max) return fault();
        if (share.weight < 1 || share.weight > 1000000) return fault();
        shares.push_back(share);
        if (comma == std::string_view::npos) return shares;
        rest.remove_prefix(comma + 1);
    }
}

std::expected<Range, std::string> parse_range(std::string_view text) {
    const auto colon = text.find(':');
    Range range;
    bool good = read_whole(text.substr(0, colon), range.low);
    range.high = range.low;
    if (colon != std::string_view::npos) {
        good = good && read_whole(text.substr(colon + 1), range.high);
    }
    if (!good || range.low < 0 || range.high < range.low || range.high > 3600000) {
        return std::unexpected(fmt::format(
            "'{}' is neither milliseconds nor low:high; for example 250 or 0:4000", text
        ));
    }
    return range;
}

Invocation read_options(
    int argc, const char* const* argv, std::ostream& out, std::ostream& errors
) {
    CLI::App app(
        "A crowd of buyers, at a flash sale or of ordinary orders, on one thread.", "crowd"
    );
    app.footer(examples);
    Options options;
    Texts texts;
    add_where(app, options, texts);
    add_arrival(app, options, texts);
    add_buyers(app, options, texts);
    add_patience(app, options);
    add_records(app, options);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const int code = app.exit(error, out, errors);
        return {std::nullopt, code == 0 ? 0 : usage_error};
    }
    const std::string fault = complete(options, texts);
    if (!fault.empty()) {
        errors << fault << "\nRun crowd --help for all options.\n";
        return {std::nullopt, usage_error};
    }
    return {std::move(options), 0};
}

}  // namespace crowd
