#include "service/access.hpp"

#include <map>

#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "base/timestamp.hpp"
#include "http/server.hpp"
#include "net/event.hpp"
#include "token/digest.hpp"

namespace {

using namespace std::chrono_literals;

net::awaitable<http::Response> answer_with(const std::string& jwks, int& status, int& requests) {
    ++requests;
    co_return http::json_response(status, jwks);
}

// An auth room reduced to its key document.
class Keys {
  public:
    explicit Keys(net::Executor executor, std::string jwks_given)
        : jwks(std::move(jwks_given)), server_(executor, {}, router_, nullptr, "keys") {
        router_.add("GET", "/.well-known/jwks.json", [this](http::Request&) {
            return answer_with(jwks, status, requests);
        });
        server_.listen("127.0.0.1", 0);
    }

    http::Origin origin() const { return {"127.0.0.1", server_.port()}; }

    std::string jwks;
    int status = 200;
    int requests = 0;

  private:
    http::Router router_;
    http::Server server_;
};

http::Request request_with(std::string authorization) {
    http::Request request;
    request.headers.add("Authorization", std::move(authorization));
    return request;
}

class Access : public ::testing::Test {
  protected:
    service::AccessSettings settings(std::int64_t refresh_ms = 60000) const {
        return {keys_.origin(), refresh_ms, {}};
    }

    static std::string sign(
        const token::SigningKey& key,
        token::Role role = token::Role::customer,
        std::int64_t age_s = 0
    ) {
        token::Claims claims;
        claims.account_id = account_id;
        claims.role = role;
        claims.issued_at_s = base::unix_now_ms() / 1000 - age_s;
        claims.expires_at_s = claims.issued_at_s + 600;
        return key.sign(claims);
    }

    template <class Condition>
    void run_until(Condition condition) {
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (!condition()) {
            ASSERT_LT(std::chrono::steady_clock::now(), end) << "it never happened";
            loop_.restart();
            loop_.run_one_for(50ms);
        }
    }

    static std::string code_of(const std::expected<token::Claims, http::Problem>& outcome) {
        return outcome ? "accepted" : outcome.error().code;
    }

    static inline const base::Uuid account_id =
        base::Uuid::parse("01900000-0000-7000-8000-000000000001").value();

    net::asio::io_context loop_{1};
    metrics::Registry metrics_;
    service::Context context_{loop_.get_executor(), metrics_};
    token::SigningKey key_ = token::SigningKey::from_pem(token::SigningKey::generate_pem());
    token::SigningKey next_ = token::SigningKey::from_pem(token::SigningKey::generate_pem());
    Keys keys_{loop_.get_executor(), key_.jwks()};
};

TEST_F(Access, says_unavailable_before_the_first_keys_and_accepts_after) {
    service::Access access(context_, settings());
    const auto request = request_with("Bearer " + sign(key_));
    const auto before = access.caller(request);
    ASSERT_FALSE(before);
    EXPECT_EQ(before.error().status, 503);
    EXPECT_EQ(before.error().code, "keys_unavailable");
    EXPECT_EQ(before.error().retry_after_s, 1);
    EXPECT_EQ(code_of(access.caller(http::Request())), "token_missing");

    access.start();
    run_until([&] { return access.has_keys(); });
    const auto claims = access.caller(request);
    ASSERT_TRUE(claims);
    EXPECT_EQ(claims->account_id, account_id);
}

TEST_F(Access, has_its_first_keys_within_what_it_told_callers_to_wait) {
    keys_.status = 503;
    service::Access access(context_, settings());
    access.start();
    run_until([&] { return keys_.requests == 5; });
    keys_.status = 200;
    const auto begun_at = std::chrono::steady_clock::now();
    run_until([&] { return access.has_keys(); });
    EXPECT_LT(std::chrono::steady_clock::now() - begun_at, 1500ms) << "Retry-After was 1";
}

TEST_F(Access, names_what_is_wrong_with_a_token) {
    service::Access access(context_, {}, key_.jwks());
    EXPECT_EQ(code_of(access.caller(http::Request())), "token_missing");
    EXPECT_EQ(code_of(access.caller(request_with("Basic dXNlcjpzZWNyZXQ="))), "token_missing");
    EXPECT_EQ(code_of(access.caller(request_with("Bearer"))), "token_missing");
    EXPECT_EQ(code_of(access.caller(request_with("Bearer x"))), "token_invalid");
    EXPECT_EQ(code_of(access.caller(request_with("Bearer " + sign(next_)))), "token_invalid");
    const auto expired =
        access.caller(request_with("Bearer " + sign(key_, token::Role::customer, 1000)));
    EXPECT_EQ(code_of(expired), "token_expired");
    EXPECT_EQ(expired.error().status, 401);
    EXPECT_EQ(http::to_response(expired.error()).headers.get("WWW-Authenticate"), "Bearer");
    EXPECT_EQ(code_of(access.caller(request_with("bearer " + sign(key_)))), "accepted");

    auto twice = request_with("Bearer " + sign(key_));
    twice.headers.add("Authorization", "Bearer " + sign(next_));
    EXPECT_EQ(code_of(access.caller(twice)), "token_missing");
}

TEST_F(Access, believes_no_identity_header) {
    service::Access access(context_, {}, key_.jwks());
    http::Request request;
    request.headers.add("X-User-Id", account_id.to_string());
    request.headers.add("X-User-Role", "admin");
    EXPECT_EQ(code_of(access.admin(request)), "token_missing");
}

TEST_F(Access, lets_only_administrators_in_where_asked) {
    service::Access access(context_, {}, key_.jwks());
    const auto customer = access.admin(request_with("Bearer " + sign(key_)));
    EXPECT_EQ(code_of(customer), "admin_only");
    EXPECT_EQ(customer.error().status, 403);
    const auto admin = access.admin(request_with("Bearer " + sign(key_, token::Role::admin)));
    EXPECT_EQ(code_of(admin), "accepted");
}

TEST_F(Access, knows_only_whom_it_has_checked) {
    service::Access access(context_, {}, key_.jwks());
    const auto request = request_with("Bearer " + sign(key_, token::Role::admin));
    const auto unknown = access.known_caller(request);
    ASSERT_TRUE(unknown);
    EXPECT_FALSE(*unknown);
    EXPECT_FALSE(request.notes.account_id);
    ASSERT_EQ(code_of(access.caller(request)), "accepted");
    const auto again = request_with(std::string(*request.headers.get("Authorization")));
    ASSERT_TRUE(access.known_caller(again).value());
    EXPECT_EQ(again.notes.account_id, account_id);
    auto twice = again;
    twice.headers.add("Authorization", "Bearer x");
    const auto code_of_refusal = [&](const http::Request& refused) {
        return access.known_caller(refused).error().code;
    };
    EXPECT_EQ(code_of_refusal(twice), "token_missing");
    EXPECT_EQ(code_of_refusal({}), "token_missing");
    EXPECT_EQ(code_of_refusal(request_with("Bearer " + sign(next_))), "token_invalid");
    const std::string series = "doorbuster_access_refusals_total{reason=\"key_unknown\"} 1\n";
    EXPECT_TRUE(metrics_.text().contains(series)) << "counted once";
}

TEST_F(Access, fetches_again_for_an_unknown_key_at_most_once_a_second) {
    service::Access access(context_, settings());
    access.start();
    run_until([&] { return access.has_keys(); });
    const auto request = request_with("Bearer " + sign(next_));
    keys_.jwks = next_.jwks({&key_});
    const auto begun_at = std::chrono::steady_clock::now();
    run_until([&] { return access.caller(request).has_value(); });
    EXPECT_LT(std::chrono::steady_clock::now() - begun_at, 5s) << "not by the periodic refresh";
    EXPECT_EQ(keys_.requests, 2) << "although many such tokens were shown";
}

TEST_F(Access, keeps_the_last_good_keys_while_auth_is_away) {
    service::Access access(context_, settings(1));
    access.start();
    run_until([&] { return access.has_keys(); });
    keys_.status = 503;
    const int before = keys_.requests;
    run_until([&] { return keys_.requests > before + 1; });
    EXPECT_EQ(code_of(access.caller(request_with("Bearer " + sign(key_)))), "accepted");

    keys_.status = 200;
    keys_.jwks = next_.jwks();
    run_until([&] { return access.caller(request_with("Bearer " + sign(next_))).has_value(); });
    EXPECT_EQ(code_of(access.caller(request_with("Bearer " + sign(key_)))), "token_invalid");
}

TEST_F(Access, may_go_while_a_fetch_is_under_way) {
    auto access = std::make_unique<service::Access>(context_, settings());
    access->start();
    loop_.poll();
    access.reset();
    run_until([&] { return keys_.requests > 0; });
    loop_.restart();
    loop_.run_for(50ms);
}

base::Environment environment_of(std::map<std::string, std::string> variables) {
    return base::Environment([variables = std::move(variables)](const std::string& name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
}

TEST(access_settings, come_from_the_environment) {
    auto environment = environment_of({{"AUTH_ORIGIN", "http://auth:8081"}});
    const auto settings = service::AccessSettings::read(environment);
    EXPECT_TRUE(environment.problems().empty());
    EXPECT_EQ(settings.auth.host, "auth");
    EXPECT_EQ(settings.auth.port, 8081);

    auto wrong = environment_of({{"AUTH_ORIGIN", "ftp://auth"}});
    service::AccessSettings::read(wrong);
    EXPECT_EQ(wrong.problems().size(), 1u);
}

std::string digest_of(std::string_view secret) {
    return base::to_hex(token::sha256(secret));
}

TEST(service_callers, are_known_by_name_and_secret) {
    const std::string order_secret = "order-secret-of-32-characters...";
    const std::string next_secret = "order-secret-after-the-change...";
    const std::string cli_secret = "cli-secret-of-32-characters.....";
    auto environment = environment_of(
        {{"ACCEPTED_CALLERS",
          "order=" + digest_of(order_secret) + ",cli=" + digest_of(cli_secret) +
              ",order=" + digest_of(next_secret)}}
    );
    const auto callers = service::ServiceCallers::read(environment);
    ASSERT_TRUE(environment.problems().empty());

    const auto name_of = [&](const std::string& authorization) {
        const auto name = callers.caller(request_with(authorization));
        return name ? *name : name.error().code;
    };
    using service::service_authorization;
    EXPECT_EQ(name_of(service_authorization("order", order_secret)), "order");
    EXPECT_EQ(name_of(service_authorization("order", next_secret)), "order");
    EXPECT_EQ(name_of(service_authorization("cli", cli_secret)), "cli");
    const std::string refused = "service_credential_required";
    EXPECT_EQ(name_of(service_authorization("cli", order_secret)), refused);
    EXPECT_EQ(name_of(service_authorization("gateway", order_secret)), refused);
    EXPECT_EQ(name_of(service_authorization("order", order_secret + "x")), refused);
    EXPECT_EQ(name_of("Service order:" + digest_of(order_secret)), refused);
    EXPECT_EQ(name_of("Service order"), refused);
    EXPECT_EQ(name_of("Bearer order:" + order_secret), refused);
    EXPECT_EQ(callers.caller(http::Request()).error().status, 401);
}

TEST(service_callers, that_can_not_be_read_are_a_problem) {
    for (const std::string& text :
         {std::string("order"),
          std::string("order="),
          "order=" + digest_of("x").substr(1),
          "=" + digest_of("x"),
          "order=" + digest_of("x") + ",,"}) {
        auto environment = environment_of({{"ACCEPTED_CALLERS", text}});
        service::ServiceCallers::read(environment);
        ASSERT_EQ(environment.problems().size(), 1u) << text;
        EXPECT_EQ(environment.problems()[0].find(digest_of("x")), std::string::npos);
    }
    auto missing = environment_of({});
    service::ServiceCallers::read(missing);
    EXPECT_EQ(missing.problems().size(), 1u);
}

}  // namespace
