#include "crowd/exchange_log.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <unistd.h>

#include <gtest/gtest.h>

namespace crowd {
namespace {

TEST(ExchangeLog, writes_one_tab_separated_line_per_exchange) {
    std::string line;
    LoggedExchange refused{.sent_us = 11, .answered_us = 22, .kind = Kind::take};
    refused.customer_id = "customer";
    refused.key = "key";
    refused.quantity = 2;
    refused.status = 409;
    refused.code = "sold_out";
    refused.seq = 5;
    refused.remaining = 0;
    ExchangeLog::append(line, "sale", refused);
    EXPECT_EQ(line, "11\t22\ttake\tsale\tcustomer\tkey\t2\t-\t409\tsold_out\t5\t-\t0\t-\n");
    const auto header = ExchangeLog::header();
    EXPECT_EQ(
        std::count(line.begin(), line.end(), '\t'), std::count(header.begin(), header.end(), '\t')
    );
}

TEST(ExchangeLog, loses_nothing_on_flush) {
    const auto path =
        std::filesystem::temp_directory_path() / ("crowd_log_test_" + std::to_string(::getpid()));
    ExchangeLog log(path, "sale");
    for (int index = 0; index < 10000; ++index) log.add({.sent_us = index, .kind = Kind::pay});
    log.flush();
    std::ifstream file(path);
    std::string line;
    std::string last;
    int lines = 0;
    for (; std::getline(file, line); ++lines) last = line;
    EXPECT_EQ(lines, 10001);
    EXPECT_TRUE(last.starts_with("9999\t0\tpay\tsale\t"));
    std::filesystem::remove(path);
}

TEST(ExchangeLog, tells_when_it_cannot_write) {
    EXPECT_THROW(ExchangeLog("/nonexistent/log", "sale"), std::runtime_error);
    ExchangeLog full("/dev/full", "sale");
    EXPECT_THROW(full.flush(), std::runtime_error);
}

}  // namespace
}  // namespace crowd
