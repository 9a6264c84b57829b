#include "order/clients/product_client.hpp"

#include <gtest/gtest.h>

#include "http/server.hpp"
#include "testing/run_on_loop.hpp"

namespace order {
namespace {

using std::chrono::milliseconds;

/// Product's end: a real server that answers as told.
class ProductClientTest : public ::testing::Test {
  protected:
    ProductClientTest() {
        router_.add("*", "/*", [this](http::Request& request) { return answer(request); });
        server_.emplace(loop_.get_executor(), http::ServerLimits{}, router_, nullptr, "product");
        server_->listen("127.0.0.1", 0);
        const http::Origin origin{"127.0.0.1", server_->port()};
        client_.emplace(loop_.get_executor(), origin, "Service order:secret");
    }

    void will_refuse(int status, const std::string& code) {
        response_ = {status, {}, R"({"code":")" + code + "\"}"};
    }
    /// True: product's last word. Throws if it is no answer at all.
    bool is_settlement_refused() {
        return !run(client_->settle_order(id_, {{id_, 1}}, soon())).has_value();
    }
    bool is_return_refused() {
        return !run(client_->return_units(id_, {{id_, 1}}, soon())).has_value();
    }
    bool is_reservation_refused() {
        return !run(client_->reserve(id_, id_, 1, soon())).has_value();
    }

    template <class T>
    T run(net::awaitable<T> work) {
        return ::testing::run_on_loop(loop_, std::move(work));
    }
    static net::Deadline soon() { return net::deadline_in(milliseconds(5000)); }

    net::asio::io_context loop_;
    http::Router router_;
    std::optional<http::Server> server_;
    std::optional<ProductClient> client_;
    http::Response response_;
    http::Request request_;
    base::Uuid id_ = base::Uuid::parse("01932b5e-7a10-7c3e-8f21-5d1c0a9b7e44").value();

  private:
    net::awaitable<http::Response> answer(http::Request& request) {
        request_ = request;
        co_return response_;
    }
};

TEST_F(ProductClientTest, TakesTheWordThatProductHasForTheCall) {
    will_refuse(409, "reservation_expired");
    EXPECT_TRUE(is_settlement_refused());
    will_refuse(404, "reservation_unknown");
    EXPECT_TRUE(is_settlement_refused());
    will_refuse(409, "return_differs");
    EXPECT_TRUE(is_return_refused());
    will_refuse(409, "not_enough_stock");
    EXPECT_TRUE(is_reservation_refused());
}

TEST_F(ProductClientTest, SaysWhoseDoingItIsAndHowLongItIsWaitedFor) {
    const auto trace = http::TraceContext::make();
    const Call call(net::deadline_in(milliseconds(1400)), trace);
    const auto expect_told = [&](const std::string& target) {
        EXPECT_EQ(request_.target, target);
        const std::string parent(request_.headers.get("traceparent").value_or(""));
        EXPECT_EQ(parent.substr(0, 35), "00-" + std::string(trace.trace_id())) << target;
        const std::string left(request_.headers.get("X-Deadline-Ms").value_or("none"));
        EXPECT_TRUE(left.size() == 4 && left <= "1400") << target << ": " << left;
    };
    const std::string reservation = "/internal/v1/reservations/" + id_.to_string();
    response_ = {200, {}, "{}"};
    run(client_->reserve(id_, id_, 1, call));
    expect_told("/internal/v1/reservations");
    run(client_->settle(id_, id_, 1, call));
    expect_told(reservation + "/settle");
    run(client_->settle_order(id_, {{id_, 1}}, call));
    expect_told(reservation + "/settle");
    run(client_->return_units(id_, {{id_, 1}}, call));
    expect_told("/internal/v1/returns");
    will_refuse(409, "not_enough_stock");
    EXPECT_FALSE(run(client_->reserve_order(id_, {{id_, 1}}, 1000, call)));
    expect_told("/internal/v1/reservations");
}

TEST_F(ProductClientTest, AReservationThatIsNotTheAskedOneIsGivenUp) {
    for (const auto* code : {"reservation_closed", "reservation_differs"}) {
        will_refuse(409, code);
        const auto answer = run(client_->reserve_order(id_, {{id_, 1}}, 1000, soon()));
        ASSERT_FALSE(answer) << code;
        EXPECT_EQ(answer.error().why, OrderRefusal::given_up) << code << ": it may have units";
    }
}

TEST_F(ProductClientTest, TakesNothingElseForALastWord) {
    for (const auto* code : {"route_unknown", "conflict", "return_differs", ""}) {
        for (const int status : {404, 409, 422}) {
            will_refuse(status, code);
            EXPECT_THROW(is_settlement_refused(), base::NeighbourError) << status << code;
        }
    }
    response_ = {404, {}, "<html>not here</html>"};
    EXPECT_THROW(is_settlement_refused(), base::NeighbourError);
    EXPECT_THROW(is_return_refused(), base::NeighbourError);
    EXPECT_THROW(is_reservation_refused(), base::NeighbourError);
}

}  // namespace
}  // namespace order
