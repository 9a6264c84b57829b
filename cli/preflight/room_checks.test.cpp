#include "cli/preflight/room_checks.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.hpp"

namespace cli::preflight {
namespace {

using ::testing::HasSubstr;
using Tcp = net::asio::ip::tcp;

Tcp::acceptor listen_anywhere(net::asio::io_context& loop) {
    return Tcp::acceptor(loop, Tcp::endpoint(net::asio::ip::address_v4::loopback(), 0));
}

/// One pod of order behind a name, as a headless Service lists it.
Judgement look_at_pod(net::asio::io_context& loop, std::uint16_t port) {
    Settings settings;
    settings.gateway = {"127.0.0.1", 1};
    settings.rooms = {{"order", {"localhost", port}}};
    settings.pods_wanted = {{"order", 1}};
    Checks checks(net::deadline_in(std::chrono::seconds(30)), [](std::string_view) {});
    run(loop, check_rooms(checks, settings));
    return checks.findings().back().judgement;
}

TEST(PreflightRoomChecks, a_listed_pod_that_refuses_is_not_ready) {
    net::asio::io_context loop{1};
    Tcp::acceptor gone = listen_anywhere(loop);
    const auto port = gone.local_endpoint().port();
    gone.close();
    const Judgement pods = look_at_pod(loop, port);
    EXPECT_EQ(pods.verdict, Verdict::failed);
    EXPECT_THAT(pods.found, HasSubstr("0 ready of 1 wanted"));
    EXPECT_THAT(pods.found, HasSubstr("refused"));
}

TEST(PreflightRoomChecks, a_listed_pod_that_hangs_is_not_ready) {
    net::asio::io_context loop{1};
    const Tcp::acceptor silent = listen_anywhere(loop);
    const Judgement pods = look_at_pod(loop, silent.local_endpoint().port());
    EXPECT_EQ(pods.verdict, Verdict::failed);
    EXPECT_THAT(pods.found, HasSubstr("0 ready of 1 wanted"));
    EXPECT_THAT(pods.found, HasSubstr("timed out"));
}

}  // namespace
}  // namespace cli::preflight
