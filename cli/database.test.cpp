// Roles, schemas and accounts on a real server.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/timestamp.hpp"
#include "cli/accounts.hpp"
#include "cli/command.hpp"
#include "cli/connect.hpp"
#include "cli/roles.hpp"
#include "postgres/migrate.hpp"
#include "testing/temporary_postgres.hpp"

namespace cli {
namespace {

using postgres::Parameters;
using postgres::Statement;
using ::testing::HasSubstr;

constexpr std::string_view awkward_password = "it's 100 % \"quoted\" \\ $1 -- pass";

net::Deadline soon() {
    return net::deadline_in(std::chrono::seconds(30));
}

std::string as_role(const std::string& url, const std::string& role, const std::string& password) {
    const auto at = url.find('@');
    return "postgresql://" + role + ":" + password + url.substr(at);
}

class CliDatabase : public ::testing::Test {
  protected:
    CliDatabase() : url_(::testing::make_database("cli")), pool_(make_pool(url_)) {}

    std::unique_ptr<postgres::Pool> make_pool(const std::string& url) {
        return std::make_unique<postgres::Pool>(
            loop_.get_executor(), database_settings(url), nullptr
        );
    }

    std::vector<RoleOutcome> ensure(std::vector<LoginRole> roles, bool set_passwords = false) {
        const auto connection = run(loop_, connect_patiently(*pool_, soon()));
        return run(loop_, ensure_roles(*connection, std::move(roles), set_passwords, soon()));
    }

    void make_auth_schema() {
        ensure({{"auth", "password of auth"}});
        const auto connection = run(loop_, pool_->acquire(soon()));
        const auto migrations =
            postgres::read_migrations(DOORBUSTER_SERVICES_FOLDER "/auth/migrations");
        run(loop_, postgres::migrate(*connection, "auth", migrations, soon()));
    }

    postgres::Result ask(const Statement& statement) {
        return run(loop_, pool_->query(statement, Parameters(), soon()));
    }

    void add_session(base::Uuid account_id) {
        Parameters parameters;
        parameters.uuid(ids_.next(1)).uuid(account_id);
        const Statement insert{
            "insert_session",
            "INSERT INTO auth.sessions (id, account_id, expires_at)"
            " VALUES ($1, $2, clock_timestamp() + interval '1 day')"
        };
        run(loop_, pool_->query(insert, parameters, soon()));
    }

    net::asio::io_context loop_{1};
    base::UuidGenerator ids_;
    std::string url_;
    std::unique_ptr<postgres::Pool> pool_;
};

constexpr Statement role_facts{
    "role_facts",
    "SELECT rolcanlogin, rolsuper, rolcreatedb, rolcreaterole,"
    " has_database_privilege('cli_room', current_database(), 'CONNECT'),"
    " has_database_privilege('cli_room', current_database(), 'TEMP'),"
    " has_schema_privilege('cli_room', 'public', 'USAGE'),"
    " (SELECT rolpassword FROM pg_authid WHERE rolname = 'cli_room')"
    " FROM pg_roles WHERE rolname = 'cli_room'"
};
constexpr Statement log_setting{"log_setting", "SHOW log_min_error_statement"};

TEST_F(CliDatabase, roles_may_connect_and_nothing_else) {
    const auto outcomes = ensure({{"cli_room", std::string(awkward_password)}});
    ASSERT_EQ(outcomes.size(), 1U);
    EXPECT_EQ(outcomes[0].name, "cli_room");
    const auto facts = ask(role_facts);
    ASSERT_EQ(facts.rows(), 1U);
    EXPECT_TRUE(facts.boolean(0, 0));
    for (int column = 1; column <= 3; ++column) EXPECT_FALSE(facts.boolean(0, column)) << column;
    EXPECT_TRUE(facts.boolean(0, 4));
    EXPECT_FALSE(facts.boolean(0, 5));
    EXPECT_FALSE(facts.boolean(0, 6));
    EXPECT_THAT(std::string(facts.text(0, 7)), HasSubstr("SCRAM-SHA-256"));
    EXPECT_EQ(ask(log_setting).text(0, 0), "error") << "the session's log settings came back";
}

TEST_F(CliDatabase, a_password_changes_only_when_told_to) {
    ensure({{"cli_keeper", "first password"}});
    const auto again = ensure({{"cli_keeper", "second password"}});
    EXPECT_FALSE(again[0].created);
    EXPECT_FALSE(again[0].password_set);
    constexpr Statement secret{
        "keeper_secret", "SELECT rolpassword FROM pg_authid WHERE rolname = 'cli_keeper'"
    };
    const std::string before(ask(secret).text(0, 0));
    const auto set = ensure({{"cli_keeper", "second password"}}, true);
    EXPECT_FALSE(set[0].created);
    EXPECT_TRUE(set[0].password_set);
    EXPECT_NE(std::string(ask(secret).text(0, 0)), before);
}

TEST_F(CliDatabase, a_role_named_like_sql_is_only_a_name) {
    const auto outcomes = ensure({{"x\"; DROP TABLE y; --", "some password"}});
    EXPECT_EQ(outcomes.size(), 1U);
    constexpr Statement named{
        "named_like_sql", "SELECT count(*) FROM pg_roles WHERE rolname = 'x\"; DROP TABLE y; --'"
    };
    EXPECT_EQ(ask(named).integer(0, 0), 1);
}

TEST_F(CliDatabase, an_admin_is_made_once) {
    make_auth_schema();
    base::UuidGenerator ids;
    const auto first =
        run(loop_, make_admin(*pool_, ids.next(1), "boss@example.com", "phc one", false, soon()));
    EXPECT_TRUE(first.created);
    const auto second =
        run(loop_, make_admin(*pool_, ids.next(1), "boss@example.com", "phc two", false, soon()));
    EXPECT_FALSE(second.created);
    EXPECT_EQ(second.id, first.id);
    constexpr Statement phc{"boss_phc", "SELECT password_phc, role FROM auth.accounts"};
    EXPECT_EQ(ask(phc).text(0, 0), "phc one");
    EXPECT_EQ(ask(phc).text(0, 1), "admin");
    run(loop_, make_admin(*pool_, ids.next(1), "boss@example.com", "phc three", true, soon()));
    EXPECT_EQ(ask(phc).text(0, 0), "phc three");

    const auto found = run(loop_, find_account(*pool_, "boss@example.com", soon()));
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->id, first.id);
    EXPECT_EQ(found->role, token::Role::admin);
    EXPECT_FALSE(run(loop_, find_account(*pool_, "nobody@example.com", soon())).has_value());
}

TEST_F(CliDatabase, a_customer_becomes_an_admin) {
    make_auth_schema();
    base::UuidGenerator ids;
    const base::Uuid id = ids.next(1);
    run(loop_, add_customers(*pool_, {id}, {"ada@example.com"}, soon()));
    EXPECT_EQ(
        run(loop_, find_account(*pool_, "ada@example.com", soon()))->role, token::Role::customer
    );
    const auto promoted =
        run(loop_, make_admin(*pool_, ids.next(1), "ada@example.com", "phc", false, soon()));
    EXPECT_EQ(promoted.id, id);
    EXPECT_EQ(
        run(loop_, find_account(*pool_, "ada@example.com", soon()))->role, token::Role::admin
    );
}

TEST_F(CliDatabase, whoever_registered_the_address_first_does_not_become_an_admin) {
    make_auth_schema();
    base::UuidGenerator ids;
    const base::Uuid id = ids.next(1);
    run(loop_, add_customers(*pool_, {id}, {"boss@example.com"}, soon()));
    ask({"register_stranger", "UPDATE auth.accounts SET password_phc = 'phc of a stranger'"});
    add_session(id);
    const auto make = [&](const char* phc, bool replace_password) {
        return run(
            loop_,
            make_admin(*pool_, ids.next(1), "boss@example.com", phc, replace_password, soon())
        );
    };
    const auto account = [&] {
        return run(loop_, find_account(*pool_, "boss@example.com", soon()));
    };
    try {
        make("phc", false);
        FAIL() << "a stranger would run the shop";
    } catch (const Failure& failure) {
        EXPECT_THAT(failure.what(), HasSubstr("--set-password"));
        EXPECT_THAT(failure.what(), HasSubstr("admin grant"));
    }
    EXPECT_EQ(account()->role, token::Role::customer);
    EXPECT_EQ(account()->sessions, 1) << "nothing has changed";

    EXPECT_EQ(make("phc", true).id, id);
    EXPECT_EQ(account()->role, token::Role::admin);
    EXPECT_EQ(account()->sessions, 0);
    constexpr Statement password{
        "password_now", "SELECT password_phc, password_version::bigint FROM auth.accounts"
    };
    EXPECT_EQ(ask(password).text(0, 0), "phc");
    EXPECT_EQ(ask(password).integer(0, 1), 2) << "a login that is under way opens no session";

    add_session(id);
    make("another phc", false);
    EXPECT_EQ(ask(password).text(0, 0), "phc") << "an admin's password stays";
    EXPECT_EQ(account()->sessions, 1);
    make("another phc", true);
    EXPECT_EQ(account()->sessions, 0);
}

TEST_F(CliDatabase, an_account_is_disabled_and_loses_its_sessions) {
    make_auth_schema();
    base::UuidGenerator ids;
    const base::Uuid id = ids.next(1);
    run(loop_, add_customers(*pool_, {id}, {"ada@example.com"}, soon()));
    const auto account = [&] {
        return run(loop_, find_account(*pool_, "ada@example.com", soon()));
    };
    add_session(id);
    add_session(id);
    EXPECT_EQ(account()->sessions, 2);
    EXPECT_TRUE(run(loop_, set_disabled(*pool_, "ada@example.com", true, soon())));
    EXPECT_TRUE(account()->is_disabled);
    EXPECT_EQ(account()->sessions, 0);
    EXPECT_TRUE(run(loop_, set_disabled(*pool_, "ada@example.com", false, soon())));
    EXPECT_FALSE(account()->is_disabled);
    add_session(id);
    EXPECT_EQ(run(loop_, end_sessions(*pool_, "ada@example.com", soon())), 1);
    EXPECT_EQ(run(loop_, end_sessions(*pool_, "ada@example.com", soon())), 0);
    EXPECT_FALSE(run(loop_, end_sessions(*pool_, "eve@example.com", soon())));
    EXPECT_FALSE(run(loop_, set_disabled(*pool_, "eve@example.com", true, soon())));
}

TEST_F(CliDatabase, an_admin_becomes_a_customer_again) {
    make_auth_schema();
    base::UuidGenerator ids;
    run(loop_, add_customers(*pool_, {ids.next(1), ids.next(1)}, {"a@b.de", "c@d.de"}, soon()));
    const auto customer = run(loop_, find_account(*pool_, "a@b.de", soon()));
    add_session(customer->id);
    EXPECT_TRUE(run(loop_, grant_admin(*pool_, "A@b.de", soon())));
    EXPECT_EQ(run(loop_, find_account(*pool_, "a@b.de", soon()))->sessions, 0);
    add_session(customer->id);
    EXPECT_TRUE(run(loop_, grant_admin(*pool_, "a@b.de", soon())));
    EXPECT_EQ(run(loop_, find_account(*pool_, "a@b.de", soon()))->sessions, 1) << "it was one";
    const auto admins = run(loop_, list_accounts(*pool_, token::Role::admin, 10, soon()));
    ASSERT_EQ(admins.size(), 1U);
    EXPECT_EQ(admins[0].email, "a@b.de");
    EXPECT_FALSE(admins[0].has_password);
    EXPECT_EQ(run(loop_, list_accounts(*pool_, std::nullopt, 10, soon())).size(), 2U);
    EXPECT_EQ(run(loop_, list_accounts(*pool_, std::nullopt, 1, soon())).size(), 1U);
    EXPECT_TRUE(run(loop_, revoke_admin(*pool_, "a@b.de", soon())));
    EXPECT_TRUE(run(loop_, list_accounts(*pool_, token::Role::admin, 10, soon())).empty());
    EXPECT_FALSE(run(loop_, revoke_admin(*pool_, "nobody@b.de", soon())));
    EXPECT_FALSE(run(loop_, grant_admin(*pool_, "nobody@b.de", soon())));
}

TEST_F(CliDatabase, thousands_of_customers_take_a_moment) {
    make_auth_schema();
    base::UuidGenerator generator;
    std::vector<base::Uuid> ids;
    std::vector<std::string> emails;
    for (int number = 0; number < 12001; ++number) {
        ids.push_back(generator.next(1));
        emails.push_back("c" + std::to_string(number) + "@customers.example");
    }
    run(loop_, add_customers(*pool_, ids, emails, soon()));
    constexpr Statement count{
        "count_customers",
        "SELECT count(*) FROM auth.accounts WHERE password_phc IS NULL AND role = 'customer'"
    };
    EXPECT_EQ(ask(count).integer(0, 0), 12001);
}

TEST_F(CliDatabase, wrong_credentials_fail_at_once_and_say_what_to_do) {
    const auto begin = net::SteadyClock::now();
    const auto strangers = make_pool(as_role(url_, "nobody_at_all", "wrong"));
    try {
        run(loop_, connect_patiently(*strangers, net::deadline_in(std::chrono::seconds(60))));
        // A server that trusts its loopback lets anybody in who exists.
        FAIL() << "connected as a role that does not exist";
    } catch (const Failure& failure) {
        EXPECT_THAT(failure.what(), HasSubstr("DATABASE_ADMIN_URL"));
        EXPECT_THAT(failure.what(), ::testing::Not(HasSubstr("wrong@")));
    }
    EXPECT_LT(net::SteadyClock::now() - begin, std::chrono::seconds(20));
}

TEST_F(CliDatabase, waits_for_a_server_until_the_deadline) {
    const auto nowhere = make_pool("postgresql://a:b@127.0.0.1:1/x");
    const auto begin = net::SteadyClock::now();
    EXPECT_THROW(
        run(loop_, connect_patiently(*nowhere, net::deadline_in(std::chrono::milliseconds(700)))),
        Failure
    );
    EXPECT_GE(net::SteadyClock::now() - begin, std::chrono::milliseconds(300));
}

TEST(CliEmail, is_lower_case_and_looks_like_one) {
    EXPECT_EQ(read_email(" Boss@Example.COM "), "boss@example.com");
    for (const char* text : {"", "boss", "@x.de", "a@b", "a b@c.de", "a@b@c.de", "a@b."}) {
        EXPECT_THROW(read_email(text), UsageError) << text;
    }
}

}  // namespace
}  // namespace cli
