#include <chrono>
#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/timestamp.hpp"
#include "cli/accounts.hpp"
#include "cli/command.hpp"
#include "cli/private_file.hpp"

namespace cli {
namespace {

constexpr std::chrono::seconds patience{300};
constexpr std::int64_t customers_max = 1000000;
constexpr std::size_t signing_key_bytes_min = 100;

struct SeedOptions {
    std::int64_t count = 1000;
    std::string out;
    std::string prefix = "customer";
    std::int64_t lifetime_s = token::lifetime_s_max;
};

int run_seed(const SeedOptions& options) {
    // The prefix becomes the local part of addresses.
    read_email(options.prefix + "@customers.example");
    base::Environment environment;
    const auto url = environment.secret(
        "DATABASE_ADMIN_URL", 1, "postgresql:// address of the database's owner"
    );
    const auto pem = environment.secret(
        "JWT_SIGNING_KEY", signing_key_bytes_min, "auth's private key (PEM, P-256)"
    );
    require_sound(environment);
    const auto key = token::SigningKey::from_pem(pem);
    const auto begin = std::chrono::steady_clock::now();

    base::UuidGenerator generator;
    const std::int64_t now_ms = base::unix_now_ms();
    std::vector<base::Uuid> ids;
    std::vector<std::string> emails;
    for (std::int64_t number = 0; number < options.count; ++number) {
        const base::Uuid id = generator.next(now_ms);
        ids.push_back(id);
        emails.push_back(
            fmt::format("{}-{}@customers.example", options.prefix, base::to_hex(id.bytes))
        );
    }
    net::asio::io_context loop{1};
    postgres::Pool pool(loop.get_executor(), database_settings(url), nullptr);
    run(loop, add_customers(pool, ids, std::move(emails), net::deadline_in(patience)));

    std::string lines;
    // Stamped last, so that a long seeding does not use up the tokens' time.
    const std::int64_t now_s = base::unix_now_ms() / 1000;
    for (const base::Uuid& id : ids) {
        const std::string signed_token =
            key.sign({id, token::Role::customer, now_s, now_s + options.lifetime_s});
        lines += fmt::format(
            "{{\"account_id\":\"{}\",\"token\":\"{}\"}}\n", id.to_string(), signed_token
        );
    }
    write_private_file(options.out, lines);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::cout << fmt::format(
        "{} customers in {:.1f} s; their tokens in {} expire at {}\n",
        options.count,
        took.count(),
        options.out,
        base::format_timestamp((now_s + options.lifetime_s) * 1000)
    );
    return exit_ok;
}

}  // namespace

void add_customers(CLI::App& root, Action& chosen) {
    CLI::App* const customers = root.add_subcommand("customers", "Customers for trials and load");
    customers->require_subcommand(1);
    const auto options = std::make_shared<SeedOptions>();
    CLI::App* const seed = customers->add_subcommand(
        "seed", "Make customers without passwords and write their access tokens"
    );
    seed->add_option("--count", options->count, "How many")
        ->check(CLI::Range(std::int64_t{1}, customers_max))
        ->capture_default_str();
    seed->add_option("--out", options->out, "JSON lines {\"account_id\",\"token\"}, mode 0600")
        ->required();
    seed->add_option("--prefix", options->prefix, "Begin of their addresses")
        ->capture_default_str();
    seed->add_option("--lifetime-s", options->lifetime_s, "Seconds until the tokens expire")
        ->check(CLI::Range(std::int64_t{1}, token::lifetime_s_max))
        ->capture_default_str();
    seed->footer(
        "Environment: DATABASE_ADMIN_URL, JWT_SIGNING_KEY (or ..._FILE with a path).\n"
        "Each run makes new customers.\n\nExample:\n"
        "  doorbuster customers seed --count 5000 --out customers.jsonl\n"
        "  crowd --customers customers.jsonl --sale $SALE --until-sold-out"
    );
    seed->callback([options, &chosen] { chosen = [options] { return run_seed(*options); }; });
}

}  // namespace cli
