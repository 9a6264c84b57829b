#include "payment/clients/courier.hpp"

#include <gtest/gtest.h>

#include "http/server.hpp"
#include "json/json.hpp"
#include "payment/store/test_sandbox.test.hpp"
#include "service/webhook_signature.hpp"

namespace payment {
namespace {

constexpr std::string_view secret = "a secret that the two rooms share";

/// Order's end: a real server that answers as told and remembers what it was sent.
class Receiver {
  public:
    explicit Receiver(net::asio::io_context& loop)
        : server_(loop.get_executor(), {}, router_, nullptr, "receiver") {
        router_.add("POST", "/internal/v1/payment-events", [this](http::Request& request) {
            return take(request);
        });
        server_.listen("127.0.0.1", 0);
    }

    http::Origin origin() const { return {"127.0.0.1", server_.port()}; }

    std::vector<http::Request> requests;
    std::vector<int> statuses;  ///< of the next answers; 200 when used up
    std::string code = "attempt_unknown";

  private:
    net::awaitable<http::Response> take(http::Request& request) {
        requests.push_back(request);
        int status = 200;
        if (!statuses.empty()) {
            status = statuses.front();
            statuses.erase(statuses.begin());
        }
        co_return http::json_response(status, R"({"code":")" + code + "\"}");
    }

    http::Router router_;
    http::Server server_;
};

class CourierTest : public ::testing::Test {
  protected:
    CourierTest() {
        limits_.tick_ms = 5;
        limits_.retry = {.first_ms = 2, .most_ms = 4, .attempts_max = 3};
    }

    /// Lets the courier work until `done`, at most some seconds.
    template <class Condition>
    bool work_until(Condition done) {
        WebhookClient client(
            sandbox_.loop.get_executor(), receiver_.origin(), std::string(secret), 4
        );
        Courier courier(
            {sandbox_.loop.get_executor(), ledger_, outbox_, client}, metrics_, limits_, 7
        );
        bool ended = false;
        net::asio::co_spawn(sandbox_.loop, courier.run(), [&](std::exception_ptr error) {
            EXPECT_FALSE(error);
            ended = true;
        });
        sandbox_.loop.restart();
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        bool is_done = false;
        while (!is_done && std::chrono::steady_clock::now() < end) {
            sandbox_.loop.run_one_until(end);
            is_done = done();
        }
        courier.stop();
        while (!ended) sandbox_.loop.run_one();
        return is_done;
    }
    std::int64_t open_events() {
        return sandbox_.number(
            "SELECT count(*) FROM sandbox.webhooks"
            " WHERE delivered_at IS NULL AND abandoned_at IS NULL"
        );
    }

    TestSandbox sandbox_;
    ChargeLedger ledger_{*sandbox_.room};
    WebhookOutbox outbox_{*sandbox_.room};
    Receiver receiver_{sandbox_.loop};
    metrics::Registry metrics_;
    CourierLimits limits_;
};

TEST_F(CourierTest, SignsWhatItSends) {
    sandbox_.enter(sandbox_.charge("0190-a:1", "sandbox:webhook-first"));
    ASSERT_TRUE(work_until([&] { return receiver_.requests.size() == 1; }));
    const http::Request& request = receiver_.requests[0];
    const auto signature = service::check_webhook(request, secret, base::unix_now_ms() / 1000);
    EXPECT_TRUE(signature) << signature.error().code;
    const auto body = json::parse(request.body);
    ASSERT_TRUE(body);
    EXPECT_EQ(body->at("key").as_string(), "0190-a:1");
    EXPECT_EQ(body->at("state").as_string(), "charged");
    EXPECT_EQ(body->at("amount_cents").as_int64(), 4900);
    EXPECT_EQ(open_events(), 0);
}

TEST_F(CourierTest, DecidesASlowChargeByItself) {
    sandbox_.enter(sandbox_.charge("a:1", "sandbox:slow"));
    ASSERT_TRUE(work_until([&] { return !receiver_.requests.empty(); }));
    EXPECT_EQ(sandbox_.state_of("a:1"), ChargeState::charged);
}

TEST_F(CourierTest, SendsADuplicateTwiceUnderOneId) {
    sandbox_.enter(sandbox_.charge("a:1", "sandbox:duplicate"));
    ASSERT_TRUE(work_until([&] { return receiver_.requests.size() == 2; }));
    EXPECT_EQ(receiver_.requests[0].body, receiver_.requests[1].body);
    EXPECT_EQ(open_events(), 0);
}

TEST_F(CourierTest, TriesAgainUntilTheEventIsTaken) {
    receiver_.statuses = {503, 401};
    sandbox_.enter(sandbox_.charge("a:1", "sandbox:webhook-first"));
    ASSERT_TRUE(work_until([&] { return receiver_.requests.size() == 3; }));
    EXPECT_EQ(open_events(), 0);
    EXPECT_EQ(sandbox_.number("SELECT count(delivered_at) FROM sandbox.webhooks"), 1);
}

TEST_F(CourierTest, DeletesWhatWasKeptLongEnough) {
    const auto events = [&] { return sandbox_.number("SELECT count(*) FROM sandbox.webhooks"); };
    limits_.prune_every_ms = 0;
    sandbox_.enter(sandbox_.charge("a:1", "sandbox:webhook-first"));
    ASSERT_TRUE(work_until([&] { return receiver_.requests.size() == 1; }));
    EXPECT_EQ(events(), 1) << "not yet";
    limits_.kept_ms = 0;
    sandbox_.enter(sandbox_.charge("b:1", "sandbox:webhook-first"));
    ASSERT_TRUE(work_until([&] { return receiver_.requests.size() == 2; }));
    EXPECT_EQ(events(), 0);
}

TEST_F(CourierTest, WaitsForAReceiverThatHasTheRoute) {
    receiver_.statuses = {404, 404};
    receiver_.code = "route_unknown";
    sandbox_.enter(sandbox_.charge("a:1", "sandbox:webhook-first"));
    ASSERT_TRUE(work_until([&] { return receiver_.requests.size() == 3; }));
    EXPECT_EQ(sandbox_.number("SELECT count(delivered_at) FROM sandbox.webhooks"), 1);
}

TEST_F(CourierTest, GivesUpWhatIsRefusedForGoodOrTooOften) {
    receiver_.statuses = {404};
    sandbox_.enter(sandbox_.charge("a:1", "sandbox:webhook-first"));
    ASSERT_TRUE(work_until([&] { return receiver_.requests.size() == 1; }));
    EXPECT_EQ(open_events(), 0);
    receiver_.statuses = {500, 500, 500};
    sandbox_.enter(sandbox_.charge("b:1", "sandbox:webhook-first"));
    ASSERT_TRUE(work_until([&] { return receiver_.requests.size() == 4; }));
    EXPECT_EQ(open_events(), 0);
    EXPECT_EQ(sandbox_.number("SELECT count(abandoned_at) FROM sandbox.webhooks"), 2);
}

}  // namespace
}  // namespace payment
