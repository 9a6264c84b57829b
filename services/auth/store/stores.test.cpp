#include <algorithm>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include "auth/store/account_store.hpp"
#include "auth/store/session_store.hpp"
#include "auth/store/test_schema.hpp"
#include "base/random.hpp"
#include "base/timestamp.hpp"
#include "net/event.hpp"
#include "testing/run_on_loop.hpp"
#include "testing/temporary_postgres.hpp"

namespace {

using namespace std::chrono_literals;
using auth::RefreshDecision;
using postgres::Statement;

net::Deadline soon() {
    return net::deadline_in(20s);
}

auth::Digest some_digest() {
    auth::Digest digest{};
    base::secure_random(digest);
    return digest;
}

constexpr Statement age_tokens{
    "test_age_tokens", "UPDATE auth.refresh_tokens SET used_at = used_at - interval '11 seconds'"
};
constexpr Statement expire_tokens{
    "test_expire_tokens", "UPDATE auth.refresh_tokens SET expires_at = clock_timestamp()"
};
constexpr Statement age_sessions{
    "test_age_sessions", "UPDATE auth.sessions SET expires_at = expires_at - interval '32 days'"
};
constexpr Statement age_failures{
    "test_age_failures",
    "UPDATE auth.login_failures SET last_failed_at = last_failed_at - interval '16 minutes'"
};
constexpr Statement count_tokens{"test_count_tokens", "SELECT count(*) FROM auth.refresh_tokens"};
constexpr Statement count_failures{
    "test_count_failures", "SELECT count(*) FROM auth.login_failures"
};

constexpr Statement count_waiting{
    "test_count_waiting",
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    " AND datname = current_database()"
};

/// Whether a refresh that waits for its session leaves its token unlocked meanwhile.
net::awaitable<bool> leaves_token_while_it_waits(
    postgres::Pool& owner, auth::SessionStore& sessions, auth::Digest token
) {
    const auto holder = co_await owner.acquire(soon());
    co_await holder->run("BEGIN; SELECT 1 FROM auth.sessions FOR UPDATE", soon());
    bool is_done = false;
    const net::Executor executor = co_await net::asio::this_coro::executor;
    net::asio::co_spawn(
        executor,
        sessions.refresh(token, some_digest(), 3600, soon()),
        [&is_done](std::exception_ptr, auth::SessionStore::Refreshed) { is_done = true; }
    );
    const postgres::Parameters nothing;
    std::int64_t waiting = 0;
    while (waiting == 0) {
        const auto rows = co_await owner.query(count_waiting, nothing, soon());
        waiting = rows.integer(0, 0);
    }
    bool is_free = true;
    try {
        co_await holder->run("SELECT 1 FROM auth.refresh_tokens FOR UPDATE NOWAIT", soon());
    } catch (const postgres::Error&) {
        is_free = false;
    }
    co_await holder->run("ROLLBACK", soon());
    while (!is_done) co_await net::sleep_for(std::chrono::milliseconds(1));
    co_return is_free;
}

class Stores : public ::testing::Test {
  protected:
    Stores() { testing::run_on_loop(loop_, auth::prepare_schema(owner_, AUTH_MIGRATIONS)); }

    template <class T>
    T run(net::awaitable<T> work) {
        return testing::run_on_loop(loop_, std::move(work));
    }
    std::int64_t as_owner(const Statement& statement) {
        const auto rows = run(owner_.query(statement, {}, soon()));
        return rows.empty() ? 0 : rows.integer(0, 0);
    }

    std::optional<auth::Account> add(const std::string& email) {
        auth::NewAccount account;
        account.id = ids_.next(base::unix_now_ms());
        account.email = auth::read_email(email).value();
        account.name = "Ada";
        account.password_phc = "phc of " + email;
        return run(accounts_.add(account, soon()));
    }

    auth::Digest open(const base::Uuid& account_id) {
        const auto token = some_digest();
        const base::Uuid id = ids_.next(base::unix_now_ms());
        run(sessions_.open({id, account_id, token, lifetime_s}, soon()));
        return token;
    }

    RefreshDecision refresh(const auth::Digest& token, const auth::Digest& successor) {
        return run(sessions_.refresh(token, successor, lifetime_s, soon())).decision;
    }

    static constexpr std::int64_t lifetime_s = 30 * 24 * 3600;
    net::asio::io_context loop_{1};
    std::string url_ = testing::make_database("auth");
    postgres::Pool owner_{loop_.get_executor(), auth::settings_of(url_, "postgres"), nullptr};
    postgres::Pool pool_{loop_.get_executor(), auth::settings_of(url_, "auth"), nullptr};
    auth::AccountStore accounts_{pool_};
    auth::SessionStore sessions_{pool_};
    base::UuidGenerator ids_;
};

TEST_F(Stores, lock_a_session_before_its_tokens) {
    const auto token = open(add("ada@example.com")->id);
    EXPECT_TRUE(run(leaves_token_while_it_waits(owner_, sessions_, token)))
        << "whoever drops the session would wait in a ring with it";
}

TEST_F(Stores, keep_an_account) {
    const auto account = add("Ada@example.com");
    ASSERT_TRUE(account);
    EXPECT_EQ(account->email, "Ada@example.com");
    EXPECT_EQ(account->role, auth::Role::customer);
    EXPECT_NEAR(
        static_cast<double>(account->created_at_ms), static_cast<double>(base::unix_now_ms()), 60e3
    );
    const auto found = run(accounts_.find(account->id, soon()));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->name, "Ada");
    EXPECT_FALSE(run(accounts_.find(ids_.next(0), soon())));

    const auto credentials = run(accounts_.find_credentials("ada@example.com", soon()));
    ASSERT_TRUE(credentials);
    EXPECT_EQ(credentials->account.id, account->id);
    EXPECT_EQ(credentials->password_phc, "phc of Ada@example.com");
    EXPECT_FALSE(run(accounts_.find_credentials("Ada@example.com", soon()))) << "keys are lower";
}

TEST_F(Stores, give_an_address_once) {
    ASSERT_TRUE(add("ada@example.com"));
    EXPECT_FALSE(add("ada@example.com"));
    EXPECT_FALSE(add("ADA@EXAMPLE.com"));
    EXPECT_TRUE(add("eve@example.com"));
}

TEST_F(Stores, replace_a_hash_only_if_it_is_still_the_same) {
    const auto account = add("ada@example.com");
    const auto phc = [&] {
        return run(accounts_.find_credentials("ada@example.com", soon()))->password_phc;
    };
    run(accounts_.replace_phc(account->id, "another", "new", soon()));
    EXPECT_EQ(phc(), "phc of ada@example.com");
    run(accounts_.replace_phc(account->id, "phc of ada@example.com", "new", soon()));
    EXPECT_EQ(phc(), "new");
}

TEST_F(Stores, count_failures_of_an_address_for_a_while) {
    const auto email = some_digest();
    EXPECT_EQ(run(accounts_.failures(email, soon())).failures, 0);
    for (int count = 0; count < 3; ++count) run(accounts_.add_failure(email, soon()));
    EXPECT_EQ(run(accounts_.failures(email, soon())).failures, 3);
    EXPECT_LT(run(accounts_.failures(email, soon())).since_last_ms, 20'000);
    EXPECT_EQ(run(accounts_.failures(some_digest(), soon())).failures, 0);

    as_owner(age_failures);
    EXPECT_GT(run(accounts_.failures(email, soon())).since_last_ms, auth::failures_kept_ms);
    run(accounts_.add_failure(email, soon()));
    EXPECT_EQ(run(accounts_.failures(email, soon())).failures, 1) << "the old ones are forgotten";

    EXPECT_EQ(run(accounts_.drop_old_failures(10, soon())), 0);
    EXPECT_EQ(as_owner(count_failures), 1);
    as_owner(age_failures);
    EXPECT_EQ(run(accounts_.drop_old_failures(10, soon())), 1);
    EXPECT_EQ(as_owner(count_failures), 0);

    run(accounts_.add_failure(email, soon()));
    run(accounts_.forget_failures(email, soon()));
    EXPECT_EQ(run(accounts_.failures(email, soon())).failures, 0);
}

TEST_F(Stores, rotate_and_repeat_a_refresh_token) {
    const auto account = add("ada@example.com");
    const auto first = open(account->id);
    const auto second = some_digest();
    const auto refreshed = run(sessions_.refresh(first, second, lifetime_s, soon()));
    EXPECT_EQ(refreshed.decision, RefreshDecision::rotate);
    EXPECT_EQ(refreshed.account->id, account->id);
    EXPECT_EQ(refresh(first, second), RefreshDecision::repeat);
    EXPECT_EQ(refresh(first, some_digest()), RefreshDecision::refuse) << "not its successor";
    EXPECT_EQ(as_owner(count_tokens), 2);

    const auto third = some_digest();
    EXPECT_EQ(refresh(second, third), RefreshDecision::rotate);
    EXPECT_EQ(refresh(first, second), RefreshDecision::repeat);
    EXPECT_EQ(refresh(some_digest(), some_digest()), RefreshDecision::refuse);
}

TEST_F(Stores, end_a_session_whose_used_token_comes_back) {
    const auto account = add("ada@example.com");
    const auto first = open(account->id);
    const auto other = open(account->id);
    const auto second = some_digest();
    ASSERT_EQ(refresh(first, second), RefreshDecision::rotate);
    as_owner(age_tokens);
    EXPECT_EQ(refresh(first, second), RefreshDecision::revoke);
    EXPECT_EQ(refresh(second, some_digest()), RefreshDecision::refuse);
    EXPECT_EQ(refresh(first, second), RefreshDecision::refuse);
    EXPECT_EQ(refresh(other, some_digest()), RefreshDecision::rotate) << "another session lives";
}

TEST_F(Stores, refuse_an_expired_token) {
    const auto token = open(add("ada@example.com")->id);
    as_owner(expire_tokens);
    EXPECT_EQ(refresh(token, some_digest()), RefreshDecision::refuse);
}

TEST_F(Stores, rotate_once_when_a_token_is_used_many_times_at_once) {
    const auto token = open(add("ada@example.com")->id);
    const auto successor = some_digest();
    std::vector<RefreshDecision> decisions;
    for (int caller = 0; caller < 12; ++caller) {
        net::asio::co_spawn(
            loop_,
            sessions_.refresh(token, successor, lifetime_s, soon()),
            [&](std::exception_ptr failure, const auth::SessionStore::Refreshed& refreshed) {
                EXPECT_FALSE(failure);
                decisions.push_back(refreshed.decision);
            }
        );
    }
    loop_.restart();
    const auto end = soon();
    while (decisions.size() < 12 && std::chrono::steady_clock::now() < end) {
        loop_.run_one_until(end);
    }
    ASSERT_EQ(decisions.size(), 12u);
    EXPECT_EQ(std::ranges::count(decisions, RefreshDecision::rotate), 1);
    EXPECT_EQ(std::ranges::count(decisions, RefreshDecision::repeat), 11);
    EXPECT_EQ(as_owner(count_tokens), 2);
}

TEST_F(Stores, close_a_session) {
    const auto token = open(add("ada@example.com")->id);
    run(sessions_.close(some_digest(), soon()));
    const auto second = some_digest();
    ASSERT_EQ(refresh(token, second), RefreshDecision::rotate);
    run(sessions_.close(token, soon()));
    EXPECT_EQ(refresh(second, some_digest()), RefreshDecision::refuse);
}

TEST_F(Stores, bound_the_sessions_of_an_account) {
    const auto account_id = add("ada@example.com")->id;
    const auto oldest = open(account_id);
    const auto second_oldest = open(account_id);
    for (int count = 2; count <= auth::SessionStore::sessions_per_account_max; ++count) {
        open(account_id);
    }
    EXPECT_EQ(as_owner(count_tokens), auth::SessionStore::sessions_per_account_max);
    EXPECT_EQ(refresh(oldest, some_digest()), RefreshDecision::refuse);
    EXPECT_EQ(refresh(second_oldest, some_digest()), RefreshDecision::rotate);
}

TEST_F(Stores, drop_sessions_that_ended_long_ago) {
    const auto account_id = add("ada@example.com")->id;
    open(account_id);
    open(account_id);
    EXPECT_EQ(run(sessions_.drop_ended(10, soon())), 0);
    EXPECT_EQ(as_owner(count_tokens), 2);
    as_owner(age_sessions);
    const auto young = open(account_id);
    EXPECT_EQ(run(sessions_.drop_ended(1, soon())), 1) << "no more than asked for at a time";
    EXPECT_EQ(run(sessions_.drop_ended(10, soon())), 1);
    EXPECT_EQ(as_owner(count_tokens), 1);
    EXPECT_EQ(refresh(young, some_digest()), RefreshDecision::rotate);
}

TEST_F(Stores, are_closed_to_other_roles_and_partly_to_their_own) {
    const auto sqlstate = [&](const std::string& role, std::string_view sql) -> std::string {
        postgres::Pool pool(loop_.get_executor(), auth::settings_of(url_, role, 1), nullptr);
        try {
            run(pool.query({"test_rights", sql}, {}, soon()));
        } catch (const postgres::Error& error) {
            return error.sqlstate();
        }
        return "allowed";
    };
    const std::string insufficient_privilege = "42501";
    EXPECT_EQ(sqlstate("stranger", "SELECT email FROM auth.accounts"), insufficient_privilege);
    EXPECT_EQ(sqlstate("auth", "SELECT email FROM auth.accounts"), "allowed");
    EXPECT_EQ(sqlstate("auth", "UPDATE auth.accounts SET role = 'admin'"), insufficient_privilege);
    EXPECT_EQ(sqlstate("auth", "DELETE FROM auth.accounts"), insufficient_privilege);
    EXPECT_EQ(sqlstate("auth", "CREATE TABLE auth.mine (id int)"), insufficient_privilege);
    EXPECT_EQ(run(postgres::schema_version(pool_, "auth", soon())), 1);
}

}  // namespace
