#include "auth/app.hpp"

#include <algorithm>
#include <fstream>
#include <set>

#include <boost/asio/co_spawn.hpp>
#include <boost/json/object.hpp>
#include <gtest/gtest.h>

#include "auth/store/test_schema.hpp"
#include "base/timestamp.hpp"
#include "http/client.hpp"
#include "http/server.hpp"
#include "json/json.hpp"
#include "testing/run_on_loop.hpp"
#include "testing/temporary_postgres.hpp"

namespace {

using namespace std::chrono_literals;
using postgres::Statement;

constexpr password::Cost cheap{.passes = 1, .memory_bytes = 8192};
constexpr std::string_view good_password = "correct horse battery";
constexpr int network_attempts_max = 30;
constexpr int registrations_max = 25;
constexpr int guesses_max = auth::guesses_pace.attempts_max;
const std::string pem = token::SigningKey::generate_pem();

// Clients of as many networks, and of one.
std::string stranger(int number) {
    return "2001:db8:" + std::to_string(number) + "::1";
}
std::string neighbour(int number) {
    return "198.51.100." + std::to_string(number);
}

constexpr Statement age_tokens{
    "test_age_tokens", "UPDATE auth.refresh_tokens SET used_at = used_at - interval '11 seconds'"
};
constexpr Statement forget_password{
    "test_forget_password", "UPDATE auth.accounts SET password_phc = NULL"
};
constexpr Statement make_admin{"test_make_admin", "UPDATE auth.accounts SET role = 'admin'"};
constexpr Statement disable_accounts{
    "test_disable_accounts", "UPDATE auth.accounts SET disabled_at = clock_timestamp()"
};
constexpr Statement lose_secret{"test_lose_secret", "DELETE FROM auth.place_secret"};
constexpr Statement delete_accounts{"test_delete_accounts", "DELETE FROM auth.accounts"};
constexpr Statement read_phc{"test_read_phc", "SELECT password_phc FROM auth.accounts"};
constexpr Statement find_secret{
    "test_find_secret", "SELECT 1 FROM auth.refresh_tokens t WHERE t::text LIKE '%' || $1 || '%'"
};

struct Answer {
    int status = 0;
    http::Headers headers;
    json::Value body;

    std::string text(std::string_view member) const {
        const auto* object = body.if_object();
        const auto* value = object == nullptr ? nullptr : object->if_contains(member);
        return value != nullptr && value->is_string() ? std::string(value->get_string().c_str())
                                                      : std::string();
    }
    std::string code() const { return text("code"); }
    std::string field() const { return text("field"); }
};

Answer answer_of(http::Response response) {
    Answer answer{response.status, std::move(response.headers), {}};
    if (!response.body.empty()) answer.body = json::parse(response.body).value();
    return answer;
}

/// The room on a port of its own, with one database.
struct Room {
    Room(
        net::asio::io_context& loop,
        const std::string& owner_url,
        password::Cost cost,
        password::Limits hashing,
        const std::string& signing_pem = pem
    )
        : context{loop.get_executor(), metrics},
          app(context, config_of(owner_url, hashing, signing_pem), cost),
          server(loop.get_executor(), {}, app.router(), &metrics, "auth") {
        server.listen("127.0.0.1", 0);
        client.emplace(
            loop.get_executor(), http::Origin{"127.0.0.1", server.port()}, http::ClientLimits{}
        );
    }

    static auth::Config config_of(
        const std::string& owner_url, password::Limits hashing, const std::string& signing_pem
    ) {
        auth::Config config;
        config.database = auth::settings_of(owner_url, "auth");
        config.keys.push_back(token::SigningKey::from_pem(signing_pem));
        config.hashing = hashing;
        config.attempts.network.attempts_max = network_attempts_max;
        config.attempts.registrations.attempts_max = registrations_max;
        return config;
    }

    metrics::Registry metrics;
    service::Context context;
    auth::App app;
    http::Server server;
    std::optional<http::Client> client;
};

class AuthApi : public ::testing::Test {
  protected:
    AuthApi() {
        testing::run_on_loop(loop_, auth::prepare_schema(owner_, AUTH_MIGRATIONS));
        restart(cheap);
    }

    void restart(
        password::Cost cost, password::Limits hashing = {}, const std::string& signing_pem = pem
    ) {
        room_.reset();
        room_ = std::make_unique<Room>(loop_, url_, cost, hashing, signing_pem);
    }

    net::awaitable<http::Response> send(
        std::string method,
        std::string target,
        std::string body,
        std::string token = {},
        std::string client = {}
    ) {
        http::OutgoingRequest request;
        request.method = std::move(method);
        request.target = std::move(target);
        request.body = std::move(body);
        if (!request.body.empty()) request.headers.add("Content-Type", "application/json");
        if (!token.empty()) request.headers.add("Authorization", "Bearer " + token);
        // As the gateway writes it.
        if (!client.empty()) request.headers.add("X-Forwarded-For", std::move(client));
        co_return co_await room_->client->send(std::move(request), net::deadline_in(20s));
    }

    Answer post(
        const std::string& action,
        const json::Object& body,
        const std::string& token = {},
        const std::string& client = {}
    ) {
        return answer_of(testing::run_on_loop(
            loop_, send("POST", "/api/v1/auth/" + action, json::serialize(body), token, client)
        ));
    }
    Answer get(const std::string& target, const std::string& token = {}) {
        return answer_of(testing::run_on_loop(loop_, send("GET", target, "", token)));
    }
    Answer sign_up(std::string_view email, std::string_view text = good_password) {
        return post("register", {{"email", email}, {"password", text}});
    }
    Answer log_in(std::string_view email, std::string_view text = good_password) {
        return post("login", {{"email", email}, {"password", text}});
    }
    Answer log_in_from(
        const std::string& client,
        std::string_view email,
        std::string_view text = good_password,
        const std::string& device_token = {}
    ) {
        json::Object body{{"email", email}, {"password", text}};
        if (!device_token.empty()) body["device_token"] = device_token;
        return post("login", body, {}, client);
    }
    /// Guesses at an account from one client after the other until one has to wait; how many were
    /// judged.
    int guess_until_slowed(std::string_view email, std::string (*client)(int)) {
        int judged = 0;
        while (judged <= 2 * auth::account_pace.attempts_max) {
            if (log_in_from(client(judged), email, "a guess").status != 401) break;
            ++judged;
        }
        return judged;
    }
    Answer change_password(
        const std::string& token,
        std::string_view current,
        std::string_view wanted = "another good password"
    ) {
        return post("password", {{"current_password", current}, {"new_password", wanted}}, token);
    }
    std::vector<Answer> log_in_at_once(
        std::string_view email, const std::vector<std::string>& passwords
    ) {
        std::vector<Answer> answers;
        for (const auto& text : passwords) {
            const json::Object body{{"email", email}, {"password", text}};
            net::asio::co_spawn(
                loop_,
                send("POST", "/api/v1/auth/login", json::serialize(body)),
                [&](std::exception_ptr failure, http::Response response) {
                    EXPECT_FALSE(failure);
                    answers.push_back(answer_of(std::move(response)));
                }
            );
        }
        loop_.restart();
        const auto end = net::deadline_in(20s);
        while (answers.size() < passwords.size() && std::chrono::steady_clock::now() < end) {
            loop_.run_one_until(end);
        }
        return answers;
    }
    void become_ready() {
        room_->app.start();
        const auto end = net::deadline_in(20s);
        loop_.restart();
        while (!room_->app.not_ready_because().empty() && std::chrono::steady_clock::now() < end) {
            loop_.run_one_until(end);
        }
    }
    Answer refresh(const std::string& token) { return post("refresh", {{"refresh_token", token}}); }

    postgres::Result as_owner(const Statement& statement, const postgres::Parameters& values = {}) {
        return testing::run_on_loop(loop_, owner_.query(statement, values, net::deadline_in(20s)));
    }

    net::asio::io_context loop_{1};
    std::string url_ = testing::make_database("auth");
    postgres::Pool owner_{loop_.get_executor(), auth::settings_of(url_, "postgres"), nullptr};
    std::unique_ptr<Room> room_;
};

TEST_F(AuthApi, registers_once_per_address) {
    const auto made = post(
        "register", {{"email", " Ada@Example.COM "}, {"password", good_password}, {"name", "Ada"}}
    );
    EXPECT_EQ(made.status, 201);
    EXPECT_EQ(made.text("email"), "Ada@example.com");
    EXPECT_EQ(made.text("name"), "Ada");
    EXPECT_EQ(made.text("role"), "customer");
    EXPECT_TRUE(base::Uuid::parse(made.text("id")));
    EXPECT_TRUE(base::parse_timestamp(made.text("created_at")));

    const auto again = sign_up("ADA@example.com");
    EXPECT_EQ(again.status, 409);
    EXPECT_EQ(again.code(), "email_taken");
}

TEST_F(AuthApi, names_the_field_that_is_wrong) {
    const auto field_of = [&](const json::Object& body) {
        const auto answer = post("register", body);
        EXPECT_EQ(answer.status, 400);
        return answer.code() + ' ' + answer.field();
    };
    EXPECT_EQ(field_of({{"email", "ada"}, {"password", good_password}}), "invalid_field email");
    EXPECT_EQ(
        field_of({{"email", "ada@example.com"}, {"password", "short"}}), "invalid_field password"
    );
    EXPECT_EQ(
        field_of({{"email", "ada@example.com"}, {"password", "Ada@example.com"}}),
        "invalid_field password"
    );
    EXPECT_EQ(
        field_of({{"email", "ada@example.com"}, {"password", good_password}, {"name", "A\nda"}}),
        "invalid_field name"
    );
    EXPECT_EQ(field_of({{"email", "ada@example.com"}}), "invalid_body password");
    EXPECT_EQ(
        field_of({{"email", "ada@example.com"}, {"password", good_password}, {"role", "admin"}}),
        "invalid_body role"
    );
    EXPECT_EQ(log_in("ada").field(), "email");
    EXPECT_EQ(refresh("").code(), "refresh_token_invalid");
}

TEST_F(AuthApi, gives_a_session_that_every_room_can_check) {
    const auto account = sign_up("ada@example.com");
    const auto session = log_in("ADA@example.com");
    ASSERT_EQ(session.status, 200);
    EXPECT_EQ(session.headers.get("Cache-Control"), "no-store");
    EXPECT_EQ(session.text("token_type"), "Bearer");
    EXPECT_EQ(session.body.at("expires_in_s").as_int64(), 600);
    EXPECT_EQ(session.body.at("account").at("id").as_string(), account.text("id").c_str());

    const auto keys = get("/.well-known/jwks.json");
    EXPECT_EQ(keys.headers.get("Cache-Control"), "public, max-age=30");
    token::Verifier verifier(token::VerifierLimits{});
    ASSERT_TRUE(verifier.set_keys(json::serialize(keys.body)));
    const auto claims = verifier.verify(session.text("access_token"), base::unix_now_ms() / 1000);
    ASSERT_TRUE(claims);
    EXPECT_EQ(claims->account_id.to_string(), account.text("id"));
    EXPECT_EQ(claims->role, token::Role::customer);

    const auto me = get("/api/v1/auth/me", session.text("access_token"));
    EXPECT_EQ(me.status, 200);
    EXPECT_EQ(me.text("email"), "ada@example.com");
}

TEST_F(AuthApi, carries_the_role_and_notices_when_it_changes) {
    sign_up("ada@example.com");
    const auto session = log_in("ada@example.com");
    as_owner(make_admin);
    const auto refreshed = refresh(session.text("refresh_token"));
    EXPECT_EQ(refreshed.body.at("account").at("role").as_string(), "admin");
    token::Verifier verifier(token::VerifierLimits{});
    ASSERT_TRUE(verifier.set_keys(token::SigningKey::from_pem(pem).jwks()));
    const auto claims = verifier.verify(refreshed.text("access_token"), base::unix_now_ms() / 1000);
    EXPECT_EQ(claims->role, token::Role::admin);
}

TEST_F(AuthApi, tells_nobody_who_is_asking_wrongly) {
    EXPECT_EQ(get("/api/v1/auth/me").code(), "token_missing");
    const auto refused = get("/api/v1/auth/me", "nonsense");
    EXPECT_EQ(refused.status, 401);
    EXPECT_EQ(refused.code(), "token_invalid");
    EXPECT_EQ(refused.headers.get("WWW-Authenticate"), "Bearer");

    sign_up("ada@example.com");
    const auto session = log_in("ada@example.com");
    EXPECT_EQ(get("/api/v1/auth/me", session.text("refresh_token")).code(), "token_invalid");
    EXPECT_EQ(refresh(session.text("access_token")).code(), "refresh_token_invalid");

    as_owner(delete_accounts);
    EXPECT_EQ(get("/api/v1/auth/me", session.text("access_token")).code(), "token_invalid");
}

TEST_F(AuthApi, says_the_same_for_an_unknown_address_and_a_wrong_password) {
    sign_up("ada@example.com");
    const auto wrong = log_in("ada@example.com", "not the password");
    const auto unknown = log_in("eve@example.com", "not the password");
    EXPECT_EQ(wrong.status, 401);
    EXPECT_EQ(wrong.code(), "credentials_wrong");
    EXPECT_EQ(unknown.status, wrong.status);
    EXPECT_EQ(json::serialize(unknown.body), json::serialize(wrong.body));

    as_owner(forget_password);
    EXPECT_EQ(log_in("ada@example.com").code(), "credentials_wrong");
    EXPECT_EQ(log_in("ada@example.com", "").code(), "credentials_wrong");
}

TEST_F(AuthApi, takes_as_long_for_an_unknown_address_as_for_a_wrong_password) {
    // Dear enough to stand out from everything else a login does.
    restart({.passes = 3, .memory_bytes = 32 * 1024 * 1024});
    sign_up("ada@example.com");
    const auto took_s = [&](const std::string& email) {
        const auto begun_at = std::chrono::steady_clock::now();
        EXPECT_EQ(log_in(email, "not the password").code(), "credentials_wrong");
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_at).count();
    };
    // By turns, the least of each: a busy machine slows both down.
    double known = took_s("ada@example.com");
    double unknown = took_s("eve@example.com");
    for (int round = 0; round < 2; ++round) {
        known = std::min(known, took_s("ada@example.com"));
        unknown = std::min(unknown, took_s("eve@example.com"));
    }
    EXPECT_GT(known, 0.01);
    EXPECT_GT(unknown, known / 3);
    EXPECT_LT(unknown, known * 3);
}

TEST_F(AuthApi, slows_guessing_down_for_known_and_unknown_addresses_alike) {
    sign_up("ada@example.com");
    for (const char* email : {"ada@example.com", "eve@example.com"}) {
        for (int count = 0; count < guesses_max; ++count) {
            EXPECT_EQ(log_in(email, "not the password").code(), "credentials_wrong");
        }
        const auto slowed = log_in(email);
        EXPECT_EQ(slowed.status, 429) << email;
        EXPECT_EQ(slowed.code(), "too_many_failures");
        EXPECT_EQ(slowed.headers.get("Retry-After"), "20");
    }
    sign_up("bob@example.com");
    EXPECT_EQ(log_in("bob@example.com").status, 200);
}

TEST_F(AuthApi, lets_the_owner_in_while_a_stranger_guesses) {
    sign_up("ada@example.com");
    const std::string device = log_in("ada@example.com").text("device_token");
    ASSERT_FALSE(device.empty());
    for (int count = 0; count < guesses_max; ++count) {
        EXPECT_EQ(log_in_from("192.0.2.1", "ada@example.com", "a guess").status, 401);
    }
    EXPECT_EQ(log_in_from("192.0.2.1", "ada@example.com").status, 429) << "the stranger waits";
    EXPECT_EQ(log_in_from("192.0.2.2", "ada@example.com").status, 200) << "elsewhere";
    EXPECT_EQ(log_in_from("192.0.2.1", "ada@example.com", good_password, device).status, 200)
        << "even behind the same address";
    // What is made up, or belongs to another address, is no device.
    sign_up("eve@example.com");
    const std::string eves = log_in("eve@example.com").text("device_token");
    for (const auto& wrong : {eves, std::string("nonsense")}) {
        EXPECT_EQ(log_in_from("192.0.2.1", "ada@example.com", good_password, wrong).status, 429);
    }
    // A device has guesses of its own, and no more of them than a network.
    for (int count = 0; count < guesses_max; ++count) {
        EXPECT_EQ(log_in_from("192.0.2.3", "ada@example.com", "a guess", device).status, 401);
    }
    EXPECT_EQ(log_in_from("192.0.2.4", "ada@example.com", good_password, device).status, 429);
}

TEST_F(AuthApi, slows_down_guesses_at_one_account_from_many_networks) {
    sign_up("ada@example.com");
    const std::string device = log_in("ada@example.com").text("device_token");
    const int judged = guess_until_slowed("ada@example.com", stranger);
    // Some have drained meanwhile, one in 20 s.
    EXPECT_NEAR(judged, auth::account_pace.attempts_max, 3);
    EXPECT_EQ(log_in_from("192.0.2.9", "ada@example.com").status, 429) << "a new place waits";
    EXPECT_EQ(log_in_from("192.0.2.9", "ada@example.com", good_password, device).status, 200);
    sign_up("bob@example.com");
    EXPECT_EQ(log_in_from("192.0.2.9", "bob@example.com").status, 200);
}

TEST_F(AuthApi, lets_the_owner_in_where_he_has_lately_logged_in) {
    sign_up("ada@example.com");
    EXPECT_EQ(log_in_from("198.51.100.7", "ada@example.com").status, 200);
    guess_until_slowed("ada@example.com", stranger);
    EXPECT_EQ(log_in_from("192.0.2.9", "ada@example.com").status, 429) << "a new place waits";
    const auto home = log_in_from("198.51.100.200", "ada@example.com");
    EXPECT_EQ(home.status, 200) << "another address of the same network";

    // Who guesses from that network has no more guesses than anybody elsewhere.
    const int judged = guess_until_slowed("ada@example.com", neighbour);
    EXPECT_NEAR(judged, auth::account_pace.attempts_max, 3);
    EXPECT_EQ(log_in_from("198.51.100.201", "ada@example.com").status, 429);
    const std::string device = home.text("device_token");
    EXPECT_EQ(log_in_from("198.51.100.201", "ada@example.com", good_password, device).status, 200);
}

TEST_F(AuthApi, knows_no_place_of_a_former_password) {
    sign_up("ada@example.com");
    const auto session = log_in_from("198.51.100.7", "ada@example.com");
    const std::string former = session.text("device_token");
    const std::string wanted = "another good password";
    const auto changed = post(
        "password",
        {{"current_password", good_password}, {"new_password", wanted}},
        session.text("access_token"),
        "203.0.113.5"
    );
    ASSERT_EQ(changed.status, 200);
    guess_until_slowed("ada@example.com", stranger);
    EXPECT_EQ(log_in_from("198.51.100.8", "ada@example.com", wanted).status, 429);
    EXPECT_EQ(log_in_from("192.0.2.9", "ada@example.com", wanted, former).status, 429);
    EXPECT_EQ(log_in_from("203.0.113.6", "ada@example.com", wanted).status, 200)
        << "where it was changed";
    const std::string device = changed.text("device_token");
    EXPECT_EQ(log_in_from("192.0.2.9", "ada@example.com", wanted, device).status, 200);
}

TEST_F(AuthApi, knows_devices_whatever_key_signs) {
    sign_up("ada@example.com");
    const std::string device = log_in("ada@example.com").text("device_token");
    restart(cheap, {}, token::SigningKey::generate_pem());
    for (int count = 0; count < guesses_max; ++count) {
        EXPECT_EQ(log_in_from("192.0.2.1", "ada@example.com", "a guess").status, 401);
    }
    EXPECT_EQ(log_in_from("192.0.2.1", "ada@example.com").status, 429);
    EXPECT_EQ(log_in_from("192.0.2.1", "ada@example.com", good_password, device).status, 200);
}

TEST_F(AuthApi, holds_the_owner_up_who_shares_a_guessers_address_unless_his_device_is_known) {
    sign_up("ada@example.com");
    const auto home = log_in_from("198.51.100.7", "ada@example.com");
    for (int count = 0; count < guesses_max; ++count) {
        EXPECT_EQ(log_in_from("198.51.100.7", "ada@example.com", "a guess").status, 401);
    }
    EXPECT_EQ(log_in_from("198.51.100.7", "ada@example.com").status, 429);
    const std::string device = home.text("device_token");
    EXPECT_EQ(log_in_from("198.51.100.7", "ada@example.com", good_password, device).status, 200);
}

TEST_F(AuthApi, goes_on_without_known_places_where_their_secret_is_lost) {
    sign_up("ada@example.com");
    const std::string device = log_in("ada@example.com").text("device_token");
    as_owner(lose_secret);
    become_ready();
    EXPECT_EQ(room_->app.not_ready_because(), "");
    EXPECT_EQ(log_in("ada@example.com").status, 200);
    for (int count = 0; count < guesses_max; ++count) {
        EXPECT_EQ(log_in_from("192.0.2.1", "ada@example.com", "a guess", device).status, 401);
    }
    EXPECT_EQ(log_in_from("192.0.2.1", "ada@example.com", good_password, device).status, 429)
        << "a device that isn't known";
    testing::run_on_loop(loop_, room_->app.stop());
    loop_.restart();
    loop_.run_for(100ms);
}

TEST_F(AuthApi, slows_down_guesses_of_one_network_at_many_accounts) {
    sign_up("ada@example.com");
    const std::string device = log_in("ada@example.com").text("device_token");
    // All of an IPv6 customer's addresses are his.
    const auto client = [](int number) { return "2001:db8:0:1::" + std::to_string(number); };
    int judged = 0;
    while (judged <= network_attempts_max) {
        const auto email = "eve" + std::to_string(judged) + "@example.com";
        if (log_in_from(client(judged), email, "a guess").status != 401) break;
        ++judged;
    }
    EXPECT_NEAR(judged, network_attempts_max, 3);
    const auto slowed = log_in_from(client(1), "ada@example.com");
    EXPECT_EQ(slowed.code(), "too_many_failures");
    EXPECT_EQ(log_in_from(client(1), "ada@example.com", good_password, device).status, 200);
    EXPECT_EQ(log_in_from("2001:db8:0:2::1", "ada@example.com").status, 200) << "another network";
}

TEST_F(AuthApi, bounds_the_registrations_of_one_network) {
    const auto sign_up_from = [&](const std::string& client, int number) {
        const auto email = "ada" + std::to_string(number) + "@example.com";
        return post("register", {{"email", email}, {"password", good_password}}, {}, client);
    };
    for (int number = 0; number < registrations_max; ++number) {
        // Taken or not, asking counts.
        EXPECT_EQ(sign_up_from("192.0.2.1", number / 2).status, number % 2 == 0 ? 201 : 409);
    }
    // One in 2 s is let through again.
    auto refused = sign_up_from("192.0.2.1", 1000);
    if (refused.status == 201) refused = sign_up_from("192.0.2.1", 1001);
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(refused.code(), "too_many_registrations");
    EXPECT_TRUE(refused.headers.get("Retry-After"));
    EXPECT_EQ(sign_up_from("192.0.2.2", 2000).status, 201);
    EXPECT_EQ(log_in_from("192.0.2.1", "ada0@example.com").status, 200) << "logins go on";
}

TEST_F(AuthApi, changes_the_password_and_ends_every_session) {
    sign_up("ada@example.com");
    const std::string other = log_in("ada@example.com").text("refresh_token");
    const auto session = log_in("ada@example.com");
    const std::string token = session.text("access_token");
    const auto changed = change_password(token, good_password);
    ASSERT_EQ(changed.status, 200);
    EXPECT_EQ(changed.headers.get("Cache-Control"), "no-store");
    EXPECT_EQ(refresh(other).status, 401);
    EXPECT_EQ(refresh(session.text("refresh_token")).status, 401);
    EXPECT_EQ(refresh(changed.text("refresh_token")).status, 200) << "the new one lives";
    EXPECT_EQ(log_in("ada@example.com").status, 401);
    EXPECT_EQ(log_in("ada@example.com", "another good password").status, 200);
    EXPECT_EQ(get("/api/v1/auth/me", token).status, 200) << "for ten minutes at most";
}

TEST_F(AuthApi, keeps_a_password_that_is_not_changed_properly) {
    sign_up("ada@example.com");
    const auto session = log_in("ada@example.com");
    const std::string token = session.text("access_token");
    EXPECT_EQ(change_password("", good_password).code(), "token_missing");
    const auto problem = [&](std::string_view current, std::string_view wanted) {
        const auto answer = change_password(token, current, wanted);
        return std::to_string(answer.status) + ' ' + answer.code() + ' ' + answer.field();
    };
    EXPECT_EQ(problem(good_password, "short"), "400 invalid_field new_password");
    EXPECT_EQ(problem(good_password, "ada@example.com"), "400 invalid_field new_password");
    EXPECT_EQ(problem(good_password, good_password), "400 invalid_field new_password");
    EXPECT_EQ(
        problem(std::string(257, 'x'), "another good one"), "400 invalid_field current_password"
    );
    for (int count = 0; count < guesses_max; ++count) {
        EXPECT_EQ(
            problem("not the password", "another good one"),
            "403 current_password_wrong current_password"
        );
    }
    EXPECT_EQ(problem(good_password, "another good one"), "429 too_many_failures ");
    EXPECT_EQ(refresh(session.text("refresh_token")).status, 200) << "nothing was changed";
    EXPECT_EQ(log_in("ada@example.com").status, 200) << "logins are counted apart";

    sign_up("eve@example.com");
    const std::string eves = log_in("eve@example.com").text("access_token");
    as_owner(forget_password);
    EXPECT_EQ(change_password(eves, good_password).code(), "current_password_wrong");
    as_owner(delete_accounts);
    EXPECT_EQ(change_password(eves, good_password).code(), "token_invalid");
}

TEST_F(AuthApi, logs_out_everywhere) {
    sign_up("ada@example.com");
    const std::string first = log_in("ada@example.com").text("refresh_token");
    const auto session = log_in("ada@example.com");
    EXPECT_EQ(post("logout-all", {}).code(), "token_missing");
    EXPECT_EQ(post("logout-all", {}, session.text("access_token")).status, 204);
    EXPECT_EQ(refresh(first).status, 401);
    EXPECT_EQ(refresh(session.text("refresh_token")).status, 401);
    EXPECT_EQ(log_in("ada@example.com").status, 200);
}

TEST_F(AuthApi, shuts_a_disabled_account_out) {
    sign_up("ada@example.com");
    const auto session = log_in("ada@example.com");
    as_owner(disable_accounts);
    EXPECT_EQ(log_in("ada@example.com", "not the password").code(), "credentials_wrong");
    const auto refused = log_in("ada@example.com");
    EXPECT_EQ(refused.status, 403);
    EXPECT_EQ(refused.code(), "account_disabled");
    EXPECT_EQ(refresh(session.text("refresh_token")).status, 401);
    EXPECT_EQ(get("/api/v1/auth/me", session.text("access_token")).code(), "token_invalid");
    EXPECT_EQ(change_password(session.text("access_token"), good_password).status, 401);
}

TEST_F(AuthApi, forgets_failures_after_a_good_login) {
    sign_up("ada@example.com");
    for (int round = 0; round < 3; ++round) {
        for (int count = 1; count < guesses_max; ++count) {
            EXPECT_EQ(log_in("ada@example.com", "not the password").code(), "credentials_wrong");
        }
        EXPECT_EQ(log_in("ada@example.com").status, 200);
    }
}

TEST_F(AuthApi, rotates_refresh_tokens_and_repeats_the_same_successor) {
    sign_up("ada@example.com");
    const std::string first = log_in("ada@example.com").text("refresh_token");
    const auto rotated = refresh(first);
    ASSERT_EQ(rotated.status, 200);
    const std::string second = rotated.text("refresh_token");
    EXPECT_NE(second, first);
    EXPECT_EQ(second.size(), first.size());
    EXPECT_EQ(refresh(first).text("refresh_token"), second);
    // Another pod with the same key, and one that was started anew.
    restart(cheap);
    EXPECT_EQ(refresh(first).text("refresh_token"), second);
    const std::string third = refresh(second).text("refresh_token");
    EXPECT_FALSE(third.empty());

    for (const std::string& token : {first, second, third}) {
        postgres::Parameters values;
        values.text(token);
        EXPECT_TRUE(as_owner(find_secret, values).empty()) << "only digests are stored";
    }
}

TEST_F(AuthApi, ends_the_session_when_a_used_refresh_token_comes_back_late) {
    sign_up("ada@example.com");
    const std::string stolen = log_in("ada@example.com").text("refresh_token");
    const std::string other_session = log_in("ada@example.com").text("refresh_token");
    const std::string current = refresh(stolen).text("refresh_token");
    as_owner(age_tokens);
    const auto reused = refresh(stolen);
    EXPECT_EQ(reused.status, 401);
    EXPECT_EQ(reused.code(), "refresh_token_invalid");
    EXPECT_EQ(refresh(current).status, 401);
    EXPECT_EQ(refresh(other_session).status, 200);
}

TEST_F(AuthApi, logs_out) {
    sign_up("ada@example.com");
    const std::string token = log_in("ada@example.com").text("refresh_token");
    EXPECT_EQ(post("logout", {{"refresh_token", token}}).status, 204);
    EXPECT_EQ(refresh(token).status, 401);
    EXPECT_EQ(post("logout", {{"refresh_token", token}}).status, 204);
    EXPECT_EQ(post("logout", {{"refresh_token", "nonsense"}}).status, 204);
}

TEST_F(AuthApi, tells_nothing_to_guesses_that_come_all_at_once) {
    // As costly as in earnest: hashing, not the database, decides how fast they are judged.
    restart(password::Cost{}, {.threads = 1});
    sign_up("ada@example.com");
    std::vector<std::string> guesses;
    for (int number = 0; number < 20; ++number) {
        guesses.push_back("a wrong password " + std::to_string(number));
    }
    guesses.emplace_back(good_password);
    const auto answers = log_in_at_once("ada@example.com", guesses);
    ASSERT_EQ(answers.size(), guesses.size());
    EXPECT_EQ(std::ranges::count(answers, 200, &Answer::status), 0);
    // A few may be judged while the failure before them is still being written.
    EXPECT_LE(std::ranges::count(answers, 401, &Answer::status), 2 * guesses_max);
}

TEST_F(AuthApi, says_busy_when_hashing_is_full) {
    const std::string word(good_password);
    // Registered at this cost: a login takes as long as it takes to compare such a hash.
    restart({.passes = 3, .memory_bytes = 32 * 1024 * 1024}, {.threads = 1, .waiting_max = 0});
    sign_up("ada@example.com");
    const auto answers = log_in_at_once("ada@example.com", std::vector<std::string>(16, word));
    ASSERT_EQ(answers.size(), 16u);
    const auto busy = std::ranges::find(answers, 503, &Answer::status);
    ASSERT_NE(busy, answers.end());
    EXPECT_EQ(busy->code(), "busy");
    EXPECT_EQ(busy->headers.get("Retry-After"), "1");
    EXPECT_NE(std::ranges::find(answers, 200, &Answer::status), answers.end());
}

TEST_F(AuthApi, renews_a_hash_of_lower_cost_at_login) {
    sign_up("ada@example.com");
    const std::string before(as_owner(read_phc).text(0, 0));
    restart({.passes = 2, .memory_bytes = 16384});
    EXPECT_EQ(log_in("ada@example.com").status, 200);
    const std::string after(as_owner(read_phc).text(0, 0));
    EXPECT_NE(after, before);
    EXPECT_EQ(log_in("ada@example.com").status, 200);
    EXPECT_EQ(as_owner(read_phc).text(0, 0), after);
}

TEST_F(AuthApi, becomes_ready_when_the_schema_is_there) {
    EXPECT_NE(room_->app.not_ready_because(), "");
    become_ready();
    EXPECT_EQ(room_->app.not_ready_because(), "");
    testing::run_on_loop(loop_, room_->app.stop());
    loop_.restart();
    loop_.run_for(100ms);
}

TEST(auth_room, answers_without_a_database) {
    net::asio::io_context loop{1};
    // Nothing listens on port 1.
    Room room(loop, "postgresql://postgres@127.0.0.1:1/doorbuster", cheap, {});
    http::OutgoingRequest keys;
    keys.target = "/.well-known/jwks.json";
    const auto published =
        testing::run_on_loop(loop, room.client->send(keys, net::deadline_in(20s)));
    EXPECT_EQ(published.status, 200);
    http::OutgoingRequest login;
    login.method = "POST";
    login.target = "/api/v1/auth/login";
    login.body = R"({"email":"ada@example.com","password":"correct horse battery"})";
    auto refused = testing::run_on_loop(loop, room.client->send(login, net::deadline_in(20s)));
    EXPECT_EQ(refused.status, 503);
    EXPECT_TRUE(refused.headers.get("Retry-After"));
    EXPECT_EQ(answer_of(std::move(refused)).code(), "unavailable");
}

// The contract's style is fixed: paths at two spaces, methods at four.
std::set<std::string> routes_of_contract() {
    std::ifstream file(AUTH_CONTRACT);
    std::set<std::string> routes;
    std::string line;
    std::string path;
    while (std::getline(file, line)) {
        if (line.starts_with("  /") && line.ends_with(":")) {
            path = line.substr(2, line.size() - 3);
        } else if (line == "    get:") {
            routes.insert("GET " + path);
        } else if (line == "    post:") {
            routes.insert("POST " + path);
        }
    }
    return routes;
}

TEST_F(AuthApi, has_the_routes_of_its_contract) {
    std::set<std::string> routes;
    for (const auto& route : room_->app.router().routes()) {
        routes.insert(route.method + ' ' + route.pattern);
    }
    EXPECT_EQ(routes, routes_of_contract());
    EXPECT_EQ(routes.size(), 8u);
}

}  // namespace
