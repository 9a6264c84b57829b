#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/timestamp.hpp"
#include "cli/accounts.hpp"
#include "cli/command.hpp"
#include "password/password.hpp"

namespace cli {
namespace {

constexpr std::chrono::seconds patience{30};
constexpr std::size_t password_bytes_min = 12;
constexpr std::size_t password_bytes_max = 256;  ///< auth's login takes no more characters
constexpr std::size_t signing_key_bytes_min = 100;

struct AdminOptions {
    std::string email;
    bool set_password = false;
    std::int64_t lifetime_s = token::lifetime_s_max;
};

net::awaitable<AdminOutcome> create_admin(
    postgres::Pool& pool, std::string email, std::string password, bool set_password
) {
    const net::Executor executor = co_await net::asio::this_coro::executor;
    password::Hasher hasher(executor, password::Cost{}, password::Limits{});
    const std::string phc = co_await hasher.hash(std::move(password));
    base::UuidGenerator ids;
    const base::Uuid id = ids.next(base::unix_now_ms());
    const AdminOutcome outcome = co_await make_admin(
        pool, id, std::move(email), phc, set_password, net::deadline_in(patience)
    );
    co_return outcome;
}

int run_create(const AdminOptions& options) {
    const std::string email = read_email(options.email);
    base::Environment environment;
    const auto url = environment.secret(
        "DATABASE_ADMIN_URL", 1, "postgresql:// address of the database's owner"
    );
    const auto password =
        environment.secret("ADMIN_PASSWORD", password_bytes_min, "the admin's password");
    if (password.size() > password_bytes_max) {
        environment.problem("ADMIN_PASSWORD", "has more than 256 bytes", "Choose a shorter one");
    }
    require_sound(environment);
    net::asio::io_context loop{1};
    postgres::Pool pool(loop.get_executor(), database_settings(url), nullptr);
    const auto outcome = run(loop, create_admin(pool, email, password, options.set_password));
    std::cout << fmt::format(
        "{} {} {}\n", outcome.id.to_string(), email, outcome.created ? "created" : "is an admin"
    );
    return exit_ok;
}

int run_token(const AdminOptions& options) {
    const std::string email = read_email(options.email);
    base::Environment environment;
    const auto url = environment.secret(
        "DATABASE_ADMIN_URL", 1, "postgresql:// address of the database's owner"
    );
    const auto pem = environment.secret(
        "JWT_SIGNING_KEY", signing_key_bytes_min, "auth's private key (PEM, P-256)"
    );
    require_sound(environment);
    const auto key = token::SigningKey::from_pem(pem);
    net::asio::io_context loop{1};
    postgres::Pool pool(loop.get_executor(), database_settings(url), nullptr);
    const auto account = run(loop, find_account(pool, email, net::deadline_in(patience)));
    if (!account) {
        throw Failure(fmt::format(
            "no account {}; make one with: doorbuster admin create --email {}", email, email
        ));
    }
    if (account->role != token::Role::admin) {
        throw Failure(fmt::format(
            "{} is no admin; make it one with: doorbuster admin grant --email {}", email, email
        ));
    }
    const std::int64_t now_s = base::unix_now_ms() / 1000;
    std::cout << key.sign({account->id, account->role, now_s, now_s + options.lifetime_s}) << "\n";
    return exit_ok;
}

}  // namespace

void add_admin(CLI::App& root, Action& chosen) {
    CLI::App* const admin = root.add_subcommand("admin", "Accounts that run the shop");
    admin->require_subcommand(1);
    const auto options = std::make_shared<AdminOptions>();

    CLI::App* const create = admin->add_subcommand("create", "Make an account an admin's");
    create->add_option("--email", options->email, "The account's address")->required();
    create->add_flag(
        "--set-password",
        options->set_password,
        "Also replace an existing account's password and end its sessions"
    );
    create->footer(
        "Environment: DATABASE_ADMIN_URL, ADMIN_PASSWORD (or ..._FILE with a path).\n"
        "Running it again changes nothing. A customer's account that has a password is refused\n"
        "without --set-password: anybody may have registered the address.\n\nExample:\n"
        "  ADMIN_PASSWORD_FILE=admin.password doorbuster admin create --email admin@example.com"
    );
    create->callback([options, &chosen] { chosen = [options] { return run_create(*options); }; });

    add_roles(*admin, chosen);

    CLI::App* const issue = admin->add_subcommand("token", "Print an access token of an admin");
    issue->add_option("--email", options->email, "The admin's address")->required();
    issue->add_option("--lifetime-s", options->lifetime_s, "Seconds until it expires")
        ->check(CLI::Range(std::int64_t{1}, token::lifetime_s_max))
        ->capture_default_str();
    issue->footer(
        "Environment: DATABASE_ADMIN_URL, JWT_SIGNING_KEY (or ..._FILE with a path).\n\nExample:\n"
        "  export DOORBUSTER_TOKEN=$(doorbuster admin token --email admin@example.com)"
    );
    issue->callback([options, &chosen] { chosen = [options] { return run_token(*options); }; });
}

}  // namespace cli
