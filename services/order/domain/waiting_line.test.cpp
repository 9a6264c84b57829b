#include "order/domain/waiting_line.hpp"

#include <gtest/gtest.h>

namespace order {
namespace {

TEST(WaitingLine, KeepsArrivalOrderAlsoForWhatGoesBack) {
    WaitingLine<int> line(4);
    for (int number : {1, 2, 3, 4}) line.push_back(number);
    EXPECT_FALSE(line.has_room());
    std::vector<int> batch = line.take(2);
    EXPECT_EQ(batch, (std::vector{1, 2}));
    line.push_front(std::move(batch));
    EXPECT_EQ(line.take(10), (std::vector{1, 2, 3, 4}));
    EXPECT_TRUE(line.empty());
}

TEST(WaitingLine, TakesOutOnlyWhatIsNotWanted) {
    WaitingLine<int> line(10);
    for (int number : {1, 2, 3, 4, 5}) line.push_back(number);
    EXPECT_EQ(
        line.remove_if([](const int& number) { return number % 2 == 0; }), (std::vector{2, 4})
    );
    EXPECT_EQ(line.take(10), (std::vector{1, 3, 5}));
}

}  // namespace
}  // namespace order
