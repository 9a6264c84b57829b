#include "service/client_address.hpp"

#include <gtest/gtest.h>

#include "base/encoding.hpp"

namespace {

service::TrustedProxies proxies(std::string_view list) {
    std::string wrong_part;
    auto parsed = service::TrustedProxies::parse(list, wrong_part);
    EXPECT_EQ(wrong_part, "");
    return parsed;
}

TEST(TrustedProxies, ReadsNetworks) {
    const auto networks = proxies("10.0.0.0/9, 192.0.2.1,fd00::/8");
    EXPECT_TRUE(networks.contains("10.127.1.1"));
    EXPECT_FALSE(networks.contains("10.128.0.0"));
    EXPECT_TRUE(networks.contains("192.0.2.1"));
    EXPECT_FALSE(networks.contains("192.0.2.2"));
    EXPECT_TRUE(networks.contains("fd12::1"));
    EXPECT_FALSE(networks.contains("fe80::1"));
    EXPECT_FALSE(networks.contains("nonsense"));
    for (const auto* wrong : {"proxy", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8x"}) {
        std::string wrong_part;
        service::TrustedProxies::parse(wrong, wrong_part);
        EXPECT_EQ(wrong_part, wrong);
    }
}

TEST(ClientAddress, IsTheLastHopThatIsNoProxy) {
    const auto none = proxies("");
    EXPECT_EQ(service::client_of("192.0.2.1", none), "192.0.2.1");
    EXPECT_EQ(service::client_of("6.6.6.6, 192.0.2.1", none), "192.0.2.1");
    const auto cluster = proxies("10.42.0.0/16");
    EXPECT_EQ(service::client_of("6.6.6.6, 192.0.2.1, 10.42.0.7", cluster), "192.0.2.1");
    EXPECT_EQ(service::client_of("6.6.6.6,192.0.2.1:4711 ,10.42.0.7:1", cluster), "192.0.2.1");
    EXPECT_EQ(service::client_of("[2001:db8::1]:4711, 10.42.0.7", cluster), "2001:db8::1");
    EXPECT_EQ(service::client_of("10.42.0.8, ,10.42.0.7", cluster), "10.42.0.8") << "all are";
    EXPECT_EQ(service::client_of("", cluster), "");
    EXPECT_EQ(service::client_of(" , ", cluster), "");
}

TEST(ClientAddress, HasANetworkThatTheClientCannotChoose) {
    EXPECT_EQ(service::client_network("192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(service::client_network("::ffff:192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(service::client_network("2001:db8:0:1::5"), "2001:db8:0:1::/64");
    EXPECT_EQ(service::client_network("2001:DB8:0:1:ffff::"), "2001:db8:0:1::/64");
    EXPECT_NE(service::client_network("2001:db8:0:2::5"), "2001:db8:0:1::/64");
    EXPECT_EQ(service::client_network("nonsense"), "nonsense");
}

TEST(ClientAddress, HasAWiderNetworkThatOthersShare) {
    EXPECT_EQ(service::wider_client_network("192.0.2.1"), "192.0.2.0/24");
    EXPECT_EQ(service::wider_client_network("::ffff:192.0.2.255"), "192.0.2.0/24");
    EXPECT_NE(service::wider_client_network("192.0.3.1"), "192.0.2.0/24");
    EXPECT_EQ(service::wider_client_network("2001:db8:0:1ff::5"), "2001:db8:0:100::/56");
    EXPECT_NE(service::wider_client_network("2001:db8:0:200::5"), "2001:db8:0:100::/56");
    EXPECT_EQ(service::wider_client_network("nonsense"), "nonsense");
}

TEST(ClientAddress, HasThatNetworkAsBytes) {
    const auto bytes = [](std::string_view address) {
        const auto found = service::client_network_bytes(address);
        return found ? base::to_hex(*found) : "none";
    };
    EXPECT_EQ(bytes("192.0.2.1"), "00000000000000000000ffffc0000201");
    EXPECT_EQ(bytes("::ffff:192.0.2.1"), bytes("192.0.2.1"));
    EXPECT_EQ(bytes("2001:DB8:0:1::5"), "20010db8000000010000000000000000");
    EXPECT_EQ(bytes("2001:db8:0:1:ffff::"), bytes("2001:db8:0:1::5"));
    EXPECT_NE(bytes("2001:db8:0:2::5"), bytes("2001:db8:0:1::5"));
    EXPECT_EQ(bytes("nonsense"), "none");
    EXPECT_EQ(bytes(""), "none");
}

TEST(ClientAddress, IsSaidToBeAProxysWhereNobodyElseIsTold) {
    const auto cluster = proxies("10.42.0.0/16");
    EXPECT_FALSE(service::find_client("192.0.2.1, 10.42.0.7", cluster).is_proxy);
    EXPECT_TRUE(service::find_client("10.42.0.1, 10.42.0.7", cluster).is_proxy);
    EXPECT_EQ(service::find_client("10.42.0.1, 10.42.0.7", cluster).address, "10.42.0.1");
    EXPECT_TRUE(service::find_client("10.42.0.7", cluster).is_proxy);
    EXPECT_FALSE(service::find_client("10.42.0.7", proxies("")).is_proxy);
}

}  // namespace
