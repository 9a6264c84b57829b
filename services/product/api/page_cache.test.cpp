#include "product/api/page_cache.hpp"

#include <stdexcept>

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include "testing/run_on_loop.hpp"

namespace product::api {
namespace {

using std::chrono::milliseconds;

class Pages : public ::testing::Test {
  protected:
    net::awaitable<http::Response> make(std::string body) {
        ++made_;
        if (gate_) co_await gate_->wait();
        if (fails_) throw std::runtime_error("the database is away");
        http::Response response;
        response.status = status_;
        response.body = std::move(body);
        co_return response;
    }

    net::awaitable<http::Response> getting(
        PageCache& cache, std::string key, std::string body, net::Deadline deadline
    ) {
        PageCache::Make work = [this, body] { return make(body); };
        return cache.get(std::move(key), std::move(work), deadline);
    }

    std::string get(PageCache& cache, const std::string& key, const std::string& body) {
        const auto deadline = net::deadline_in(milliseconds(5000));
        return ::testing::run_on_loop(loop_, getting(cache, key, body, deadline)).body;
    }

    /// Runs on the loop until somebody else goes on; what came of it is in `outcomes`.
    void begin(
        PageCache& cache,
        const std::string& key,
        const std::string& body,
        std::vector<std::string>& outcomes
    ) {
        net::asio::co_spawn(
            loop_,
            getting(cache, key, body, net::deadline_in(milliseconds(5000))),
            [&outcomes](std::exception_ptr error, http::Response response) {
                outcomes.push_back(error ? "failed" : response.body);
            }
        );
        loop_.restart();
        loop_.poll();
    }

    PageCache::Limits limits(milliseconds lifetime, std::size_t bytes_max = 1 << 20) {
        return {lifetime, bytes_max};
    }

    net::asio::io_context loop_;
    std::unique_ptr<net::Event> gate_;
    int made_ = 0;
    int status_ = 200;
    bool fails_ = false;
};

TEST_F(Pages, AreKeptForAWhile) {
    PageCache cache(loop_.get_executor(), limits(milliseconds(40)));
    EXPECT_EQ(get(cache, "a", "one"), "one");
    EXPECT_EQ(get(cache, "a", "two"), "one");
    EXPECT_EQ(get(cache, "b", "two"), "two");
    EXPECT_EQ(made_, 2);
    ::testing::run_on_loop(loop_, net::sleep_for(milliseconds(45)));
    EXPECT_EQ(get(cache, "a", "three"), "three");
}

TEST_F(Pages, AWriteForgetsThem) {
    PageCache cache(loop_.get_executor(), limits(milliseconds(60000)));
    EXPECT_EQ(get(cache, "a", "one"), "one");
    cache.forget();
    EXPECT_EQ(get(cache, "a", "two"), "two");
}

TEST_F(Pages, APageBegunBeforeAWriteIsNeitherKeptNorShared) {
    PageCache cache(loop_.get_executor(), limits(milliseconds(60000)));
    gate_ = std::make_unique<net::Event>(loop_.get_executor());
    std::vector<std::string> outcomes;
    begin(cache, "a", "before", outcomes);
    cache.forget();
    begin(cache, "a", "after", outcomes);
    EXPECT_EQ(made_, 2);
    gate_->notify();
    loop_.restart();
    loop_.poll();
    EXPECT_EQ(outcomes, (std::vector<std::string>{"before", "after"}));
    gate_.reset();
    EXPECT_EQ(get(cache, "a", "later"), "after");
}

TEST_F(Pages, CallersAtOnceShareOneCall) {
    PageCache cache(loop_.get_executor(), limits(milliseconds(60000)));
    gate_ = std::make_unique<net::Event>(loop_.get_executor());
    std::vector<std::string> outcomes;
    for (int caller = 0; caller < 50; ++caller) begin(cache, "a", "page", outcomes);
    EXPECT_EQ(made_, 1);
    gate_->notify();
    loop_.restart();
    loop_.poll();
    EXPECT_EQ(outcomes, std::vector<std::string>(50, "page"));
    EXPECT_EQ(made_, 1);
}

TEST_F(Pages, AFailureIsOnlyTheOnesWhoseCallItWas) {
    PageCache cache(loop_.get_executor(), limits(milliseconds(60000)));
    gate_ = std::make_unique<net::Event>(loop_.get_executor());
    fails_ = true;
    std::vector<std::string> outcomes;
    begin(cache, "a", "one", outcomes);
    begin(cache, "a", "two", outcomes);
    auto gate = std::move(gate_);
    gate->notify();
    loop_.restart();
    while (loop_.poll_one() > 0 && outcomes.empty()) continue;
    fails_ = false;
    loop_.restart();
    loop_.poll();
    EXPECT_EQ(outcomes, (std::vector<std::string>{"failed", "two"}));
}

TEST_F(Pages, OnlySoundAnswersAreKept) {
    PageCache cache(loop_.get_executor(), limits(milliseconds(60000)));
    status_ = 503;
    get(cache, "a", "one");
    get(cache, "a", "two");
    EXPECT_EQ(made_, 2);
}

TEST_F(Pages, TheirMemoryIsBounded) {
    PageCache cache(loop_.get_executor(), limits(milliseconds(60000), 1 << 20));
    const std::string body(100'000, 'x');
    for (int page = 0; page < 100; ++page) get(cache, std::to_string(page), body);
    EXPECT_EQ(made_, 100);
    get(cache, "99", "again");
    EXPECT_EQ(made_, 100) << "the newest are there";
    get(cache, "0", body);
    EXPECT_EQ(made_, 101) << "the oldest made room";
    const std::string huge(200'000, 'x');
    get(cache, "huge", huge);
    get(cache, "huge", huge);
    EXPECT_EQ(made_, 103) << "a huge one would push out the others";
}

TEST_F(Pages, MayBeSwitchedOff) {
    PageCache cache(loop_.get_executor(), limits(milliseconds(0)));
    get(cache, "a", "one");
    EXPECT_EQ(get(cache, "a", "two"), "two");
}

}  // namespace
}  // namespace product::api
