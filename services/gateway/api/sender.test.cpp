#include "gateway/api/sender.hpp"

#include <gtest/gtest.h>

namespace {

using gateway::Attribution;
using gateway::Sender;

Sender sender(std::initializer_list<std::string> forwarded_for, std::string_view trusted) {
    http::Request request;
    request.remote_address = "10.42.0.7";
    for (const auto& value : forwarded_for) request.headers.add("x-forwarded-for", value);
    std::string wrong_part;
    const auto proxies = service::TrustedProxies::parse(trusted, wrong_part);
    EXPECT_EQ(wrong_part, "");
    return gateway::sender_of(request, proxies);
}

TEST(SenderTest, IsThePeerWhereNoProxyIsTrusted) {
    const auto direct = sender({}, "");
    EXPECT_EQ(direct.client, "10.42.0.7");
    EXPECT_EQ(direct.forwarded_for, "10.42.0.7");
    EXPECT_EQ(direct.attribution, Attribution::client);
    EXPECT_FALSE(direct.is_nobody());
}

TEST(SenderTest, IsWhoATrustedProxySays) {
    const auto one = sender({"9.9.9.9, 1.2.3.4"}, "10.42.0.0/16");
    EXPECT_EQ(one.client, "1.2.3.4") << "what a caller puts first is not believed";
    EXPECT_EQ(one.forwarded_for, "9.9.9.9, 1.2.3.4, 10.42.0.7");
    EXPECT_EQ(one.attribution, Attribution::client);
    const auto two = sender({"6.6.6.6", "1.2.3.4"}, "10.42.0.0/16");
    EXPECT_EQ(two.client, "1.2.3.4");
    EXPECT_EQ(two.forwarded_for, "6.6.6.6, 1.2.3.4, 10.42.0.7") << "every field, in order";
}

TEST(SenderTest, IsNobodyWhereOnlyTrustedProxiesAreTold) {
    const auto hidden = sender({"10.42.0.1"}, "10.42.0.0/16");
    EXPECT_EQ(hidden.client, "10.42.0.1");
    EXPECT_EQ(hidden.attribution, Attribution::proxies_only);
    EXPECT_TRUE(hidden.is_nobody());
    const auto silent = sender({}, "10.42.0.0/16");
    EXPECT_EQ(silent.client, "10.42.0.7");
    EXPECT_EQ(silent.forwarded_for, "10.42.0.7");
    EXPECT_EQ(silent.attribution, Attribution::proxy_alone);
    EXPECT_TRUE(silent.is_nobody());
    EXPECT_EQ(sender({" , "}, "10.42.0.0/16").attribution, Attribution::proxy_alone);
}

TEST(SenderTest, IsThePeerWhoseProxyIsNotTrusted) {
    const auto unknown = sender({"1.2.3.4"}, "10.43.0.0/16, 10.42.0.8");
    EXPECT_EQ(unknown.client, "10.42.0.7");
    EXPECT_EQ(unknown.forwarded_for, "10.42.0.7");
    EXPECT_EQ(unknown.attribution, Attribution::proxy_unknown);
    EXPECT_FALSE(unknown.is_nobody()) << "it may be the client, and make this up";
}

}  // namespace
