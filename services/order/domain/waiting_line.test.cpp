#include "order/domain/waiting_line.hpp"

#include <gtest/gtest.h>

namespace order {
namespace {

TEST(WaitingLine, KeepsArrivalOrderAlsoForWhatGoesBack) {
    WaitingLine<int> line;
    for (int number : {1, 2, 3, 4}) line.push_back(number);
    std::vector<int> batch = line.take(2);
    EXPECT_EQ(batch, (std::vector{1, 2}));
    line.push_front(std::move(batch));
    EXPECT_EQ(line.take(10), (std::vector{1, 2, 3, 4}));
    EXPECT_TRUE(line.empty());
}

TEST(WaitingLine, GivesThemOutOneByOneToo) {
    WaitingLine<int> line;
    for (int number : {1, 2, 3}) line.push_back(number);
    EXPECT_EQ(line.front(), 1);
    EXPECT_EQ(line.pop_front(), 1);
    EXPECT_EQ(line.pop_front(), 2);
    EXPECT_EQ(line.size(), 1U);
}

}  // namespace
}  // namespace order
