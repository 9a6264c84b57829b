#include <iostream>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/timestamp.hpp"
#include "cli/accounts.hpp"
#include "cli/command.hpp"
#include "cli/table.hpp"

namespace cli {
namespace {

constexpr std::chrono::seconds patience{30};
constexpr int listed_max = 1000;

struct AccountOptions {
    std::string email;
    std::string role;
    int limit = 20;
};

/// Runs `work(pool)` on the database that the environment names.
template <class Work>
auto on_database(Work work) {
    base::Environment environment;
    const auto url = environment.secret(
        "DATABASE_ADMIN_URL", 1, "postgresql:// address of the database's owner"
    );
    require_sound(environment);
    net::asio::io_context loop{1};
    postgres::Pool pool(loop.get_executor(), database_settings(url), nullptr);
    return run(loop, work(pool));
}

net::Deadline in_time() {
    return net::deadline_in(patience);
}

[[noreturn]] void no_account(const std::string& email) {
    throw Failure(fmt::format("there is no account {}", email));
}

int run_list(const AccountOptions& options) {
    const auto role = token::parse_role(options.role);
    const auto accounts = on_database([&](postgres::Pool& pool) {
        return list_accounts(pool, role, options.limit, in_time());
    });
    std::vector<std::vector<std::string>> rows{
        {"account", "address", "role", "since", "sessions", "state"}
    };
    for (const Account& account : accounts) {
        const char* state = account.is_disabled    ? "disabled"
                            : account.has_password ? "open"
                                                   : "no password";
        rows.push_back(
            {account.id.to_string(),
             account.email,
             std::string(token::to_string(account.role)),
             base::format_timestamp(account.created_at_ms),
             std::to_string(account.sessions),
             state}
        );
    }
    std::cout << table(rows);
    return exit_ok;
}

int run_set_disabled(const AccountOptions& options, bool is_disabled) {
    const std::string email = read_email(options.email);
    const bool is_found = on_database([&](postgres::Pool& pool) {
        return set_disabled(pool, email, is_disabled, in_time());
    });
    if (!is_found) no_account(email);
    const char* outcome = is_disabled
                              ? "disabled, its sessions are over; access tokens live on for "
                                "ten minutes at most"
                              : "enabled";
    std::cout << email << " is " << outcome << "\n";
    return exit_ok;
}

int run_logout(const AccountOptions& options) {
    const std::string email = read_email(options.email);
    const auto ended =
        on_database([&](postgres::Pool& pool) { return end_sessions(pool, email, in_time()); });
    if (!ended) no_account(email);
    std::cout << fmt::format("{}: {} sessions ended\n", email, *ended);
    return exit_ok;
}

int run_set_role(const AccountOptions& options, bool is_admin) {
    const std::string email = read_email(options.email);
    const bool is_found = on_database([&](postgres::Pool& pool) {
        return is_admin ? grant_admin(pool, email, in_time())
                        : revoke_admin(pool, email, in_time());
    });
    if (!is_found) no_account(email);
    std::cout << email
              << (is_admin ? " is an admin, from its next login on; former sessions are over\n"
                           : " is a customer, its sessions are over; access tokens live on for ten "
                             "minutes at most\n");
    return exit_ok;
}

constexpr const char* environment_text =
    "Environment: DATABASE_ADMIN_URL (or ..._FILE with a path).\nRunning it again changes nothing.";

using Run = std::function<int(const AccountOptions&)>;

void add_one(
    CLI::App& parent, const char* name, const char* what, const Run& to_run, Action& chosen
) {
    const auto options = std::make_shared<AccountOptions>();
    CLI::App* const command = parent.add_subcommand(name, what);
    command->add_option("--email", options->email, "The account's address")->required();
    command->footer(environment_text);
    command->callback([options, to_run, &chosen] {
        chosen = [options, to_run] { return to_run(*options); };
    });
}

}  // namespace

void add_roles(CLI::App& admin, Action& chosen) {
    const Run grant = [](const AccountOptions& options) { return run_set_role(options, true); };
    const Run revoke = [](const AccountOptions& options) { return run_set_role(options, false); };
    add_one(admin, "grant", "Make an account that exists an admin's", grant, chosen);
    add_one(admin, "revoke", "Make it a customer's again and end its sessions", revoke, chosen);
}

void add_account(CLI::App& root, Action& chosen) {
    CLI::App* const account = root.add_subcommand("account", "Customers' and admins' accounts");
    account->require_subcommand(1);

    const auto options = std::make_shared<AccountOptions>();
    CLI::App* const list = account->add_subcommand("list", "The newest accounts");
    list->add_option("--role", options->role, "Of this role only")
        ->check(CLI::IsMember({"customer", "admin"}));
    list->add_option("--limit", options->limit, "How many")
        ->check(CLI::Range(1, listed_max))
        ->capture_default_str();
    list->footer(
        "Environment: DATABASE_ADMIN_URL (or ..._FILE with a path).\n\nExample:\n"
        "  doorbuster account list --role admin"
    );
    list->callback([options, &chosen] { chosen = [options] { return run_list(*options); }; });

    const Run disable = [](const AccountOptions& one) { return run_set_disabled(one, true); };
    const Run enable = [](const AccountOptions& one) { return run_set_disabled(one, false); };
    add_one(*account, "disable", "Close an account and end its sessions", disable, chosen);
    add_one(*account, "enable", "Open it again", enable, chosen);
    add_one(*account, "logout", "End all its sessions", run_logout, chosen);
}

}  // namespace cli
