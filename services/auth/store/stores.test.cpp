#include <algorithm>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include "auth/store/account_store.hpp"
#include "auth/store/attempt_store.hpp"
#include "auth/store/known_network_store.hpp"
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
constexpr Statement age_attempts{
    "test_age_attempts", "UPDATE auth.attempts SET counted_at = counted_at - interval '61 minutes'"
};
constexpr Statement count_tokens{"test_count_tokens", "SELECT count(*) FROM auth.refresh_tokens"};
constexpr Statement count_attempts{"test_count_attempts", "SELECT count(*) FROM auth.attempts"};
constexpr Statement age_networks{
    "test_age_networks",
    "UPDATE auth.known_networks SET logged_in_at = logged_in_at - interval '2 days'"
};
constexpr Statement expire_networks{
    "test_expire_networks",
    "UPDATE auth.known_networks SET logged_in_at = logged_in_at - interval '90 days'"
};
constexpr Statement count_networks{
    "test_count_networks", "SELECT count(*) FROM auth.known_networks"
};
constexpr Statement drain_attempts{
    "test_drain_attempts",
    "UPDATE auth.attempts SET counted_at = counted_at - interval '20 seconds'"
};
constexpr Statement change_version{
    "test_change_version", "UPDATE auth.accounts SET password_version = password_version + 1"
};
constexpr Statement disable_accounts{
    "test_disable_accounts", "UPDATE auth.accounts SET disabled_at = clock_timestamp()"
};

constexpr Statement lose_secret{"test_lose_secret", "DELETE FROM auth.place_secret"};

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
        sessions.refresh(token, {some_digest()}, 3600, soon()),
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
        EXPECT_TRUE(run(sessions_.open({id, account_id, token, lifetime_s, 1}, soon())));
        return token;
    }

    RefreshDecision refresh(const auth::Digest& token, const auth::Digest& successor) {
        return run(sessions_.refresh(token, {successor}, lifetime_s, soon())).decision;
    }

    static constexpr std::int64_t lifetime_s = 30 * 24 * 3600;
    net::asio::io_context loop_{1};
    std::string url_ = testing::make_database("auth");
    postgres::Pool owner_{loop_.get_executor(), auth::settings_of(url_, "postgres"), nullptr};
    postgres::Pool pool_{loop_.get_executor(), auth::settings_of(url_, "auth"), nullptr};
    auth::AccountStore accounts_{pool_};
    auth::SessionStore sessions_{pool_};
    auth::AttemptStore attempts_{pool_};
    auth::KnownNetworkStore networks_{pool_};
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

TEST_F(Stores, count_attempts_for_a_while) {
    const auto wait_ms = [&](std::vector<auth::Counted> counted) {
        return run(attempts_.wait_ms(std::move(counted), soon()));
    };
    const auth::Counted guesses{ids_.next(1), auth::guesses_pace};
    const auth::Counted others{ids_.next(1), auth::guesses_pace};
    const auth::Counted wide{ids_.next(1), auth::network_pace};
    for (int count = 0; count < auth::guesses_pace.attempts_max; ++count) {
        EXPECT_EQ(wait_ms({guesses, wide}), 0) << count;
        run(attempts_.add({guesses, wide}, soon()));
    }
    EXPECT_GT(wait_ms({wide, guesses}), 10'000);
    EXPECT_LE(wait_ms({wide, guesses}), auth::guesses_pace.drain_ms);
    EXPECT_EQ(wait_ms({wide}), 0);
    EXPECT_EQ(wait_ms({others}), 0);

    // Attempts that came all at once fill it no further.
    for (int count = 0; count < 20; ++count) run(attempts_.add({guesses}, soon()));
    as_owner(drain_attempts);
    EXPECT_EQ(wait_ms({guesses}), 0);
    run(attempts_.add({guesses}, soon()));
    EXPECT_GT(wait_ms({guesses}), 10'000);

    run(attempts_.forget(guesses.subject, soon()));
    EXPECT_EQ(wait_ms({guesses}), 0);
    EXPECT_EQ(run(attempts_.drop_old(10, soon())), 0);
    EXPECT_EQ(as_owner(count_attempts), 1);
    as_owner(age_attempts);
    EXPECT_EQ(run(attempts_.drop_old(10, soon())), 1);
    EXPECT_EQ(as_owner(count_attempts), 0);
}

TEST_F(Stores, know_the_latest_networks_of_an_account_for_a_while) {
    const auto ada = add("ada@example.com")->id;
    const auto eve = add("eve@example.com")->id;
    const auto first = ids_.next(1);
    const auto age_s = [&](const base::Uuid& account, const base::Uuid& mark) {
        return run(networks_.age_s(account, mark, soon()));
    };
    EXPECT_FALSE(age_s(ada, first));
    run(networks_.remember(ada, first, soon()));
    run(networks_.remember(eve, first, soon()));
    EXPECT_LT(age_s(ada, first).value(), 60);
    as_owner(age_networks);
    EXPECT_NEAR(static_cast<double>(age_s(ada, first).value()), 2 * 24 * 3600, 60);
    run(networks_.remember(ada, first, soon()));
    EXPECT_LT(age_s(ada, first).value(), 60) << "renewed";

    for (int count = 1; count < auth::known_networks_max; ++count) {
        run(networks_.remember(ada, ids_.next(1), soon()));
    }
    EXPECT_TRUE(age_s(ada, first));
    run(networks_.remember(ada, ids_.next(1), soon()));
    EXPECT_FALSE(age_s(ada, first)) << "one too many: the oldest is forgotten";
    EXPECT_TRUE(age_s(eve, first)) << "of nobody else";
    EXPECT_EQ(as_owner(count_networks), auth::known_networks_max + 1);

    EXPECT_EQ(run(networks_.drop_old(100, soon())), 0);
    as_owner(expire_networks);
    EXPECT_FALSE(age_s(eve, first));
    EXPECT_EQ(run(networks_.drop_old(1, soon())), 1) << "no more than asked for at a time";
    EXPECT_EQ(run(networks_.drop_old(100, soon())), auth::known_networks_max);
}

TEST_F(Stores, have_one_secret_for_places_that_stays) {
    add("ada@example.com");
    add("eve@example.com");
    const auto ada = run(accounts_.find_credentials("ada@example.com", soon()));
    const auto eve = run(accounts_.find_credentials("eve@example.com", soon()));
    EXPECT_EQ(ada->place_secret, eve->place_secret);
    EXPECT_NE(ada->place_secret.value(), auth::Digest{});
    EXPECT_TRUE(run(accounts_.has_place_secret(soon())));
}

TEST_F(Stores, find_credentials_where_the_secret_for_places_is_lost) {
    const auto account_id = add("ada@example.com")->id;
    as_owner(lose_secret);
    EXPECT_FALSE(run(accounts_.has_place_secret(soon())));
    const auto credentials = run(accounts_.find_credentials("ada@example.com", soon()));
    ASSERT_TRUE(credentials);
    EXPECT_EQ(credentials->account.id, account_id);
    EXPECT_EQ(credentials->password_phc, "phc of ada@example.com");
    EXPECT_FALSE(credentials->place_secret);
}

TEST_F(Stores, open_no_session_with_a_password_that_was_changed_meanwhile) {
    const auto account_id = add("ada@example.com")->id;
    const auto opens = [&](std::int32_t password_version) {
        const base::Uuid id = ids_.next(base::unix_now_ms());
        return run(
            sessions_.open({id, account_id, some_digest(), lifetime_s, password_version}, soon())
        );
    };
    EXPECT_TRUE(opens(1));
    as_owner(change_version);
    EXPECT_FALSE(opens(1));
    EXPECT_TRUE(opens(2));
    as_owner(disable_accounts);
    EXPECT_FALSE(opens(2));
    EXPECT_EQ(as_owner(count_tokens), 2);
}

TEST_F(Stores, end_all_sessions_with_another_password) {
    const auto account_id = add("ada@example.com")->id;
    const auto old = open(account_id);
    const auto bobs = open(add("bob@example.com")->id);
    const auto fresh = some_digest();
    const auth::SessionStore::NewSession session{ids_.next(1), account_id, fresh, lifetime_s, 1};
    EXPECT_TRUE(run(sessions_.start_over(session, "new phc", soon())));
    EXPECT_EQ(refresh(old, some_digest()), RefreshDecision::refuse);
    EXPECT_EQ(refresh(bobs, some_digest()), RefreshDecision::rotate);
    EXPECT_EQ(refresh(fresh, some_digest()), RefreshDecision::rotate);
    const auto credentials = run(accounts_.find_credentials(account_id, soon()));
    EXPECT_EQ(credentials->password_phc, "new phc");
    EXPECT_EQ(credentials->password_version, 2);

    auto late = session;
    late.id = ids_.next(1);
    EXPECT_FALSE(run(sessions_.start_over(late, "newer phc", soon()))) << "checked against the old";
    EXPECT_EQ(run(accounts_.find_credentials(account_id, soon()))->password_phc, "new phc");
}

TEST_F(Stores, refresh_nothing_of_a_disabled_account) {
    const auto token = open(add("ada@example.com")->id);
    as_owner(disable_accounts);
    EXPECT_EQ(refresh(token, some_digest()), RefreshDecision::refuse);
}

TEST_F(Stores, find_a_successor_made_by_either_key) {
    const auto token = open(add("ada@example.com")->id);
    const auto made = some_digest();
    const auto other = some_digest();
    ASSERT_EQ(refresh(token, made), RefreshDecision::rotate);
    const auto repeated = run(sessions_.refresh(token, {other, made}, lifetime_s, soon()));
    EXPECT_EQ(repeated.decision, RefreshDecision::repeat);
    EXPECT_EQ(repeated.successor, 1u);
}

TEST_F(Stores, rotate_and_repeat_a_refresh_token) {
    const auto account = add("ada@example.com");
    const auto first = open(account->id);
    const auto second = some_digest();
    const auto refreshed = run(sessions_.refresh(first, {second}, lifetime_s, soon()));
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
            sessions_.refresh(token, {successor}, lifetime_s, soon()),
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

TEST_F(Stores, close_all_sessions_of_an_account) {
    const auto account_id = add("ada@example.com")->id;
    const auto first = open(account_id);
    const auto second = open(account_id);
    const auto bobs = open(add("bob@example.com")->id);
    run(sessions_.close_all(account_id, soon()));
    EXPECT_EQ(refresh(first, some_digest()), RefreshDecision::refuse);
    EXPECT_EQ(refresh(second, some_digest()), RefreshDecision::refuse);
    EXPECT_EQ(refresh(bobs, some_digest()), RefreshDecision::rotate);
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
    EXPECT_EQ(sqlstate("auth", "SELECT secret FROM auth.place_secret"), "allowed");
    EXPECT_EQ(
        sqlstate("auth", "UPDATE auth.place_secret SET secret = secret"), insufficient_privilege
    );
    EXPECT_EQ(run(postgres::schema_version(pool_, "auth", soon())), 3);
}

}  // namespace
