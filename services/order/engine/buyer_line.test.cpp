#include "order/engine/buyer_line.hpp"

#include <gtest/gtest.h>

#include "testing/run_on_loop.hpp"

namespace order {
namespace {

using std::chrono::milliseconds;

class BuyerLineTest : public ::testing::Test {
  protected:
    /// Somebody who came at this moment of the test.
    Buyer buyer(int name, int moment_ms, bool from_peer) const {
        Take take;
        take.quantity = name;
        const auto came = start_ + milliseconds(moment_ms);
        return {take, TakeReply{}, start_ + milliseconds(60'000), came, from_peer, false};
    }
    Buyer own(int name, int moment_ms) const { return buyer(name, moment_ms, false); }
    Buyer forwarded(int name, int moment_ms) const { return buyer(name, moment_ms, true); }

    static std::vector<int> names(const Buyers& buyers) {
        std::vector<int> found;
        for (const Buyer& each : buyers) {
            found.push_back(static_cast<int>(std::get<Take>(each.wish).quantity));
        }
        return found;
    }

    static bool is_told_busy(const Buyer& buyer) {
        if (!buyer.is_answered()) return false;
        net::asio::io_context loop;
        const auto answer = ::testing::run_on_loop(loop, std::get<TakeReply>(buyer.reply).wait());
        return answer.kind == TakeAnswer::Kind::busy;
    }

    net::SteadyClock::time_point start_ = net::SteadyClock::now();
    BuyerLine line_{6};
};

TEST_F(BuyerLineTest, WhoWasForwardedIsServedAmongThoseWhoHaveWaitedAsLong) {
    for (int name : {1, 2, 3}) EXPECT_TRUE(line_.join(own(name, 1000 * name)));
    EXPECT_TRUE(line_.join(forwarded(11, 500)));
    EXPECT_TRUE(line_.join(forwarded(12, 2500)));
    EXPECT_TRUE(line_.join(forwarded(13, 9000)));
    EXPECT_EQ(names(line_.take(2)), (std::vector{11, 1}));
    EXPECT_EQ(names(line_.take(10)), (std::vector{2, 12, 3, 13}));
    EXPECT_TRUE(line_.empty());
}

TEST_F(BuyerLineTest, NobodyWhoIsForwardedWaitsForLong) {
    const auto at = [&](int moment_ms) { return start_ + milliseconds(moment_ms); };
    EXPECT_EQ(line_.place_of_forwarded(at(9000), milliseconds(500)), at(9000)) << "nobody waits";
    EXPECT_TRUE(line_.join(own(1, 1000)));
    EXPECT_TRUE(line_.join(own(2, 3000)));
    EXPECT_EQ(line_.place_of_forwarded(at(1200), milliseconds(500)), at(1200));
    EXPECT_EQ(line_.place_of_forwarded(at(9000), milliseconds(500)), at(1500));
}

TEST_F(BuyerLineTest, OneBoundHoldsForAll) {
    for (int name : {1, 2, 3}) EXPECT_TRUE(line_.join(own(name, 1000)));
    for (int name : {4, 5, 6}) EXPECT_TRUE(line_.join(forwarded(name, 1000)));
    EXPECT_EQ(line_.size(), 6U);
    EXPECT_FALSE(line_.join(own(7, 1000)));
    EXPECT_FALSE(line_.join(forwarded(8, 1000)));
}

TEST_F(BuyerLineTest, ABatchThatDecidedNothingGoesBackToWhereItStood) {
    EXPECT_TRUE(line_.join(own(1, 1000)));
    EXPECT_TRUE(line_.join(own(2, 1200)));
    EXPECT_TRUE(line_.join(forwarded(3, 2000)));
    line_.put_back(line_.take(3));
    EXPECT_TRUE(line_.join(forwarded(4, 1500)));
    EXPECT_EQ(names(line_.take(10)), (std::vector{1, 2, 3, 4})) << "each among its own";
}

TEST_F(BuyerLineTest, WhoIsTurnedAwayIsToldBusyWhereverTheyCameFrom) {
    const Buyer here = own(1, 1000);
    const Buyer there = forwarded(2, 1000);
    EXPECT_TRUE(line_.join(here));
    EXPECT_TRUE(line_.join(there));
    line_.turn_all_away();
    EXPECT_TRUE(line_.empty());
    EXPECT_TRUE(is_told_busy(here));
    EXPECT_TRUE(is_told_busy(there));
}

TEST_F(BuyerLineTest, WhoIsLateIsNotServed) {
    Buyer late = own(1, 1000);
    late.deadline = start_ - milliseconds(1);
    EXPECT_TRUE(line_.join(late));
    EXPECT_TRUE(line_.join(own(2, 2000)));
    EXPECT_EQ(names(line_.take(1)), std::vector{2});
    EXPECT_TRUE(is_told_busy(late));
}

}  // namespace
}  // namespace order
