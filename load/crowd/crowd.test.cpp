#include "crowd/crowd.hpp"

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <thread>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crowd/products.hpp"
#include "http/problem.hpp"
#include "http/server.hpp"

namespace crowd {
namespace {

const std::string sale = "0193aaaa-bbbb-7ccc-8ddd-eeeeffff0001";

/// The rules of a sale without anything behind them, on a real server and a thread of its own.
class Shop {
  public:
    struct Rules {
        int units = 10;
        int busy_first = 0;  ///< so many purchases are answered 503 before any is served
        bool never_answers = false;
        bool forgets_keys = false;  ///< the same key again is another purchase
    };

    explicit Shop(Rules rules) : rules_(rules) {
        router_.add("POST", "/api/v1/flash-sales/{id}/orders", [this](http::Request& request) {
            return answer(this, &request, &Shop::take);
        });
        router_.add("POST", "/api/v1/orders", [this](http::Request& request) {
            return answer(this, &request, &Shop::place);
        });
        router_.add("POST", "/api/v1/orders/{id}/pay", [this](http::Request& request) {
            return answer(this, &request, &Shop::pay);
        });
        router_.add("POST", "/api/v1/orders/{id}/cancel", [this](http::Request& request) {
            return answer(this, &request, &Shop::cancel);
        });
        server_.emplace(loop_.get_executor(), http::ServerLimits{}, router_, nullptr, "shop");
        server_->listen("127.0.0.1", 0);
        port_ = server_->port();
        thread_ = std::thread([this] { loop_.run(); });
    }

    ~Shop() {
        net::asio::post(loop_, [this] { loop_.stop(); });
        thread_.join();
    }

    std::uint16_t port() const { return port_; }

    // Read by the test only after the crowd has ended.
    std::map<std::string, std::string> orders_by_key;
    std::map<std::string, std::set<std::string>> bodies_by_key;  ///< of ordinary orders
    std::set<std::string> paid;
    std::set<std::string> cancelled;
    std::atomic<int> takes = 0;

  private:
    using Step = http::Response (Shop::*)(const http::Request&);

    static net::awaitable<http::Response> answer(Shop* shop, http::Request* request, Step step) {
        if (shop->rules_.never_answers) {
            net::asio::steady_timer never(co_await net::asio::this_coro::executor);
            never.expires_after(std::chrono::hours(1));
            co_await never.async_wait(net::asio::use_awaitable);
        }
        co_return (shop->*step)(*request);
    }

    http::Response take(const http::Request& request) {
        ++takes;
        if (request.headers.get("Authorization") != "Bearer token") return {.status = 401};
        const std::string key(request.headers.get("Idempotency-Key").value_or(""));
        const auto known = orders_by_key.find(key);
        if (known != orders_by_key.end() && !rules_.forgets_keys) return order(200, known->second);
        if (rules_.busy_first > 0) {
            --rules_.busy_first;
            return http::to_response({.status = 503, .code = "busy"});
        }
        if (rules_.units == 0) {
            return http::to_response(
                {.status = 409, .code = "sold_out", .members = {{"seq", "9"}, {"remaining", "0"}}}
            );
        }
        --rules_.units;
        return order(201, orders_by_key[key] = ids_.next(1).to_string());
    }

    http::Response place(const http::Request& request) {
        bodies_by_key[std::string(request.headers.get("Idempotency-Key").value_or(""))].insert(
            request.body
        );
        return take(request);
    }

    http::Response pay(const http::Request& request) {
        if (request.body.find("sandbox:decline") != std::string::npos) {
            return http::to_response({.status = 402, .code = "declined"});
        }
        paid.emplace(request.path_parameter("id"));
        return http::json_response(200, "{}");
    }

    http::Response cancel(const http::Request& request) {
        cancelled.emplace(request.path_parameter("id"));
        return http::json_response(200, "{}");
    }

    static http::Response order(int status, const std::string& id) {
        return http::json_response(
            status,
            R"({"order_id":")" + id + R"(","quantity":1,"unit_price_cents":500,"seq":3,"pos":0})"
        );
    }

    Rules rules_;
    base::UuidGenerator ids_;
    net::asio::io_context loop_{1};
    http::Router router_;
    std::optional<http::Server> server_;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

std::vector<Customer> make_customers(int count) {
    base::UuidGenerator ids;
    std::vector<Customer> customers;
    for (int index = 0; index < count; ++index) {
        customers.push_back({ids.next(1).to_string(), "token"});
    }
    return customers;
}

Options options_for(const Shop& shop) {
    Options options;
    options.port = std::to_string(shop.port());
    options.sale = sale;
    options.connections = 8;
    options.duration_s = 20;
    options.finish_s = 10;
    return options;
}

std::uint64_t count_of(const Counts& counts, const std::string& name) {
    const auto found = counts.find(name);
    return found == counts.end() ? 0 : found->second;
}

TEST(Crowd, counts_an_order_and_a_refusal_for_good_under_one_key) {
    Shop shop({.units = 1, .forgets_keys = true});
    Options options = options_for(shop);
    options.connections = 2;
    options.duplicates = 1;
    const RunRecord run = Crowd(options, make_customers(1), nullptr).run();
    EXPECT_EQ(count_of(run.tally.answers[0], "created"), 1U);
    EXPECT_EQ(count_of(run.tally.answers[0], "sold_out"), 1U);
    EXPECT_EQ(run.tally.contradictions, 1U);
}

TEST(Crowd, storms_a_sale_until_everybody_knows_where_they_stand) {
    Shop shop({.units = 30, .busy_first = 5});
    Options options = options_for(shop);
    options.until_sold_out = true;
    options.retries = true;
    options.duplicates = 0.5;
    options.pay = 0.5;
    options.cancel = 0.5;
    options.decline = 0.3;
    options.pay_delay_ms = {0, 50};
    const auto path =
        std::filesystem::temp_directory_path() / ("crowd_test_" + std::to_string(::getpid()));
    ExchangeLog log(path, sale);
    const RunRecord run = Crowd(options, make_customers(100), &log).run();

    const Tally& tally = run.tally;
    EXPECT_EQ(run.ended_by, "customers");
    EXPECT_EQ(tally.purchases, 30U);
    EXPECT_EQ(shop.orders_by_key.size(), 30U);
    EXPECT_EQ(count_of(tally.fates, "bought"), 30U);
    EXPECT_EQ(count_of(tally.fates, "sold_out"), 70U);
    EXPECT_EQ(tally.arrivals, 100U);
    EXPECT_EQ(tally.unfinished, 0U);
    EXPECT_EQ(tally.contradictions, 0U);
    EXPECT_GT(tally.duplicates, 20U);
    EXPECT_GE(tally.retries, 1U);
    EXPECT_EQ(count_of(tally.answers[0], "busy"), 5U);
    EXPECT_EQ(count_of(tally.answers[0], "created"), 30U);
    EXPECT_EQ(shop.paid.size() + shop.cancelled.size(), 30U);
    EXPECT_EQ(count_of(tally.answers[1], "paid"), shop.paid.size());
    EXPECT_NE(tally.first_sold_out, net::Deadline{});
    EXPECT_NE(tally.rush_ended, net::Deadline{});
    EXPECT_LE(tally.rush_purchases, 30U);
    EXPECT_GT(tally.rush_purchases, 20U);

    std::ifstream file(path);
    std::string line;
    std::uint64_t takes = 0;
    while (std::getline(file, line)) takes += line.find("\ttake\t") != std::string::npos;
    EXPECT_EQ(takes, static_cast<std::uint64_t>(shop.takes));
    std::filesystem::remove(path);

    const auto report = boost::json::parse(to_json(run, options)).as_object();
    EXPECT_EQ(report.at("purchases").at("acknowledged").to_number<int>(), 30);
    EXPECT_EQ(report.at("fates").at("sold_out").to_number<int>(), 70);
    EXPECT_FALSE(report.at("purchases").at("sold_out_after_first_request_ms").is_null());
}

TEST(Crowd, orders_products_without_a_sale_and_pays) {
    Shop shop({.units = 1000, .busy_first = 3});
    Options options = options_for(shop);
    options.sale.clear();
    options.retries = true;
    options.pay = 1;
    const std::vector<std::string> products{sale, "0193aaaa-bbbb-7ccc-8ddd-eeeeffff0002"};
    const RunRecord run = Crowd(options, make_customers(40), nullptr, products).run();
    EXPECT_EQ(count_of(run.tally.fates, "bought"), 40U);
    EXPECT_EQ(shop.paid.size(), 40U);
    EXPECT_EQ(shop.bodies_by_key.size(), 40U);
    std::set<std::string> bodies;
    for (const auto& [key, asked] : shop.bodies_by_key) {
        EXPECT_EQ(asked.size(), 1U) << "one key, two orders";
        bodies.insert(*asked.begin());
    }
    EXPECT_EQ(bodies, (std::set{order_body(products, 0, 2, 1), order_body(products, 1, 2, 1)}));
}

TEST(Crowd, has_no_orders_without_enough_products) {
    Shop shop({});
    Options options = options_for(shop);
    options.sale.clear();
    EXPECT_THROW(Crowd(options, make_customers(1), nullptr, {sale}), std::runtime_error);
}

TEST(Crowd, endless_buyers_stop_when_the_sale_is_sold_out) {
    Shop shop({.units = 50});
    Options options = options_for(shop);
    options.until_sold_out = true;
    options.purchases_per_customer = 0;
    const RunRecord run = Crowd(options, make_customers(3), nullptr).run();
    EXPECT_EQ(run.ended_by, "sold_out");
    EXPECT_EQ(run.tally.purchases, 50U);
    EXPECT_LE(count_of(run.tally.fates, "sold_out"), 8U);
}

TEST(Crowd, open_buyers_come_by_the_clock_and_the_duration_ends_them) {
    Shop shop({.units = 1000000});
    Options options = options_for(shop);
    options.arrival = Arrival::open;
    options.rate = 200;
    options.spacing = Spacing::constant;
    options.duration_s = 0.5;
    options.purchases_per_customer = 0;
    const RunRecord run = Crowd(options, make_customers(10), nullptr).run();
    EXPECT_EQ(run.ended_by, "duration");
    EXPECT_NEAR(static_cast<double>(run.tally.arrivals), 100, 6);
    EXPECT_EQ(run.tally.purchases, run.tally.arrivals);
    EXPECT_EQ(run.tally.purchase.count(), run.tally.arrivals);
}

TEST(Crowd, open_latency_counts_the_wait_for_a_connection) {
    Shop shop({.never_answers = true});
    Options options = options_for(shop);
    options.arrival = Arrival::open;
    options.connections = 1;
    options.rate = 100;
    options.duration_s = 0.3;
    options.request_timeout_ms = 100;
    options.finish_s = 0.5;
    const RunRecord run = Crowd(options, make_customers(100), nullptr).run();
    EXPECT_GT(run.tally.queue_delay.max(), 100000);
    EXPECT_GT(run.tally.timeouts, 0U);
    EXPECT_GT(run.tally.unfinished, 0U);
    EXPECT_EQ(run.tally.purchases, 0U);
}

TEST(Crowd, ends_by_itself_at_a_shop_that_never_answers) {
    Shop shop({.never_answers = true});
    Options options = options_for(shop);
    options.retries = true;
    options.duration_s = 0.2;
    options.finish_s = 0.2;
    options.request_timeout_ms = 60000;
    const auto path =
        std::filesystem::temp_directory_path() / ("crowd_mute_" + std::to_string(::getpid()));
    ExchangeLog log(path, sale);
    const RunRecord run = Crowd(options, make_customers(100), &log).run();
    EXPECT_EQ(run.tally.unfinished, 8U);
    EXPECT_LT(run.ended - run.started, std::chrono::seconds(5));
    // What was sent is in the log, answered or not: it may have bought something.
    std::ifstream file(path);
    std::string line;
    int lines = 0;
    while (std::getline(file, line)) ++lines;
    EXPECT_EQ(lines, 1 + 8);
    std::filesystem::remove(path);
}

TEST(Crowd, ends_by_itself_when_nobody_listens) {
    Options options;
    {
        net::asio::io_context loop;
        Connection::Tcp::acceptor probe(loop, {net::asio::ip::address_v4::loopback(), 0});
        options.port = std::to_string(probe.local_endpoint().port());
    }
    options.sale = sale;
    options.connections = 4;
    options.request_timeout_ms = 50;
    options.retries = true;
    options.retry_max = 1;
    const RunRecord run = Crowd(options, make_customers(4), nullptr).run();
    EXPECT_EQ(run.tally.exchanges, 0U);
    EXPECT_EQ(count_of(run.tally.fates, "unknown"), 4U);
    EXPECT_EQ(count_of(run.tally.answers[0], "no_connection"), 8U);
}

TEST(Crowd, a_signal_ends_the_arrivals_and_the_report_is_complete) {
    Shop shop({.units = 1000000});
    Options options = options_for(shop);
    options.purchases_per_customer = 0;
    options.think_ms = 1;
    options.duration_s = 60;
    Crowd buyers(options, make_customers(10), nullptr);
    std::thread operator_thread([] {
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        ::kill(::getpid(), SIGTERM);
    });
    const RunRecord run = buyers.run();
    operator_thread.join();
    EXPECT_EQ(run.ended_by, "signal");
    EXPECT_EQ(run.tally.unfinished, 0U);
    EXPECT_GT(run.tally.purchases, 0U);
    EXPECT_EQ(run.tally.purchases, shop.orders_by_key.size());
}

}  // namespace
}  // namespace crowd
