#include "auth/api/known_places.hpp"

#include <gtest/gtest.h>

namespace {

using auth::api::KnownPlaces;

std::optional<auth::Credentials> credentials(std::uint8_t account, std::int32_t version = 1) {
    auth::Credentials made;
    made.account.id.bytes[0] = account;
    made.password_version = version;
    made.place_secret.emplace().fill(7);
    return made;
}

TEST(known_places, know_devices_of_one_account_and_password) {
    const KnownPlaces ada(credentials(1));
    const std::string device = ada.new_device_token();
    EXPECT_NE(device, ada.new_device_token());
    EXPECT_TRUE(KnownPlaces(credentials(1)).device_of(device));
    EXPECT_NE(ada.device_of(device), ada.device_of(ada.new_device_token())) << "counted apart";
    EXPECT_FALSE(KnownPlaces(credentials(2)).device_of(device));
    EXPECT_FALSE(KnownPlaces(credentials(1, 2)).device_of(device)) << "another password";
    auto other_shop = credentials(1);
    other_shop->place_secret->fill(8);
    EXPECT_FALSE(KnownPlaces(other_shop).device_of(device));
    EXPECT_FALSE(ada.device_of(""));
    EXPECT_FALSE(ada.device_of(device.substr(1)));
    for (const std::size_t place : {std::size_t{3}, std::size_t{40}}) {
        std::string forged = device;
        forged[place] = forged[place] == 'A' ? 'B' : 'A';
        EXPECT_FALSE(ada.device_of(forged)) << place;
    }
}

TEST(known_places, mark_a_network_for_one_account_and_password) {
    const auto mark = KnownPlaces(credentials(1)).mark_of("192.0.2.0/24");
    EXPECT_EQ(KnownPlaces(credentials(1)).mark_of("192.0.2.0/24"), mark);
    EXPECT_NE(KnownPlaces(credentials(1)).mark_of("192.0.3.0/24"), mark);
    EXPECT_NE(KnownPlaces(credentials(2)).mark_of("192.0.2.0/24"), mark);
    EXPECT_NE(KnownPlaces(credentials(1, 2)).mark_of("192.0.2.0/24"), mark);
}

TEST(known_places, are_none_where_the_secret_is_lost) {
    auto lost = credentials(1);
    lost->place_secret.reset();
    const KnownPlaces ada(lost);
    EXPECT_FALSE(KnownPlaces(lost).device_of(ada.new_device_token())) << "no key that is all zeros";
    EXPECT_NE(KnownPlaces(lost).mark_of("192.0.2.0/24"), ada.mark_of("192.0.2.0/24"));
}

TEST(known_places, are_none_where_there_is_no_account) {
    const KnownPlaces nobody(std::nullopt);
    const KnownPlaces again(std::nullopt);
    EXPECT_FALSE(again.device_of(nobody.new_device_token()));
    EXPECT_NE(again.mark_of("192.0.2.0/24"), nobody.mark_of("192.0.2.0/24"));
}

}  // namespace
