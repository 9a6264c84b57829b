#include "auth/api/attempts.hpp"

#include <gtest/gtest.h>

namespace {

using auth::api::AttemptRules;

const auth::Email ada{"ada@example.com", "ada@example.com"};
const auth::Email eve{"eve@example.com", "eve@example.com"};

AttemptRules rules(std::string_view trusted) {
    std::string wrong_part;
    return AttemptRules(service::TrustedProxies::parse(trusted, wrong_part), {});
}

http::Request from(std::string hops) {
    http::Request request;
    request.remote_address = "10.42.0.3";
    if (!hops.empty()) request.headers.add("X-Forwarded-For", std::move(hops));
    return request;
}

std::vector<base::Uuid> subjects(const std::vector<auth::Counted>& counted) {
    std::vector<base::Uuid> found;
    for (const auto& one : counted) found.push_back(one.subject);
    return found;
}

TEST(attempts, count_for_the_client_that_the_gateway_tells) {
    const auto cluster = rules("10.42.0.0/16");
    const auto direct = subjects(cluster.login(from("192.0.2.1"), ada, {}));
    EXPECT_EQ(direct.size(), 3u);
    EXPECT_EQ(subjects(cluster.login(from("6.6.6.6, 192.0.2.1, 10.42.0.7"), ada, {})), direct);
    const auto other = subjects(cluster.login(from("192.0.2.2"), ada, {}));
    EXPECT_NE(other[0], direct[0]);
    EXPECT_EQ(other[1], direct[1]) << "the account's is one for all";
    EXPECT_NE(other[2], direct[2]);
    const auto eves = subjects(cluster.login(from("192.0.2.1"), eve, {}));
    EXPECT_NE(eves[0], direct[0]);
    EXPECT_NE(eves[1], direct[1]);
    EXPECT_EQ(eves[2], direct[2]) << "the network's is one for all";
}

TEST(attempts, count_for_the_account_alone_where_everybody_comes_from_a_proxy) {
    const auto cluster = rules("10.42.0.0/16");
    const auto counted = cluster.login(from("10.42.0.1, 10.42.0.7"), ada, {});
    ASSERT_EQ(counted.size(), 1u);
    EXPECT_EQ(counted[0].pace.attempts_max, auth::account_pace.attempts_max);
    EXPECT_TRUE(cluster.registration(from("10.42.0.1, 10.42.0.7")).empty());
    EXPECT_EQ(cluster.registration(from("192.0.2.1, 10.42.0.7")).size(), 1u);
}

TEST(attempts, count_for_a_known_device_alone) {
    auth::api::Place place;
    place.device.emplace();
    const auto counted = rules("").login(from("192.0.2.1"), ada, place);
    ASSERT_EQ(counted.size(), 1u);
    EXPECT_EQ(subjects(rules("").login(from("192.0.2.2"), ada, place)), subjects(counted));
}

TEST(attempts, count_for_a_known_network_instead_of_the_account) {
    auth::api::Place place;
    place.network.emplace();
    const auto unknown = rules("").login(from("192.0.2.1"), ada, place);
    EXPECT_EQ(subjects(unknown), subjects(rules("").login(from("192.0.2.1"), ada, {})));
    place.network_age_s = 0;
    const auto known = rules("").login(from("192.0.2.1"), ada, place);
    ASSERT_EQ(known.size(), 3u);
    EXPECT_EQ(known[0].subject, unknown[0].subject);
    EXPECT_NE(known[1].subject, unknown[1].subject) << "no stranger fills it from elsewhere";
    EXPECT_EQ(known[1].pace.attempts_max, auth::account_pace.attempts_max) << "nor unbounded";
    EXPECT_EQ(known[2].subject, unknown[2].subject);
    place.network->bytes[0] = 1;
    EXPECT_NE(rules("").login(from("192.0.2.1"), ada, place)[1].subject, known[1].subject);
}

TEST(attempts, know_the_wider_network_of_a_client_but_not_of_a_proxy) {
    const auto cluster = rules("10.42.0.0/16");
    EXPECT_EQ(cluster.wider_network_of(from("6.6.6.6, 192.0.2.1, 10.42.0.7")), "192.0.2.0/24");
    EXPECT_FALSE(cluster.wider_network_of(from("10.42.0.1, 10.42.0.7")));
}

}  // namespace
