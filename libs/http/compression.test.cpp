#include "http/compression.hpp"

#include <zlib.h>

#include <gtest/gtest.h>

namespace {

std::string inflated(const std::string& gzip) {
    z_stream state{};
    EXPECT_EQ(inflateInit2(&state, 15 + 16), Z_OK);
    std::string out(1 << 20, '\0');
    state.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
    state.avail_in = static_cast<uInt>(gzip.size());
    state.next_out = reinterpret_cast<Bytef*>(out.data());
    state.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(inflate(&state, Z_FINISH), Z_STREAM_END);
    EXPECT_EQ(state.avail_in, 0U) << "nothing follows";
    out.resize(state.total_out);
    inflateEnd(&state);
    return out;
}

TEST(Gzip, ComesBackAsItWas) {
    http::Gzip gzip;
    std::string page;
    for (int each = 0; each < 500; ++each) page += "{\"id\":" + std::to_string(each) + "},";
    const auto first = gzip.compress(page);
    EXPECT_LT(first.size(), page.size() / 3);
    EXPECT_EQ(inflated(first), page);
    EXPECT_EQ(inflated(gzip.compress("another")), "another") << "one stream serves many bodies";
    EXPECT_EQ(gzip.compress(page), first);
    EXPECT_EQ(inflated(gzip.compress("")), "");
}

TEST(Gzip, IsSentToWhoAsksForIt) {
    for (const auto* header :
         {"gzip",
          "GZIP",
          "deflate, gzip",
          "gzip;q=0.5, identity;q=0.1",
          "br, gzip ; q=1.000",
          "*",
          "x-gzip",
          "identity;q=0, *;q=0.1",
          "gzip;q=0.001"}) {
        EXPECT_TRUE(http::accepts_gzip(header)) << header;
    }
    for (const auto* header :
         {"",
          "identity",
          "deflate, br",
          "gzip;q=0",
          "gzip;q=0.000, *",
          "*;q=0",
          "gzipped",
          "identity, gzip;q=0.5",
          "gzip;q=2",
          "gzip;q=-1",
          "gzip;q=0.5555",
          "gzip;level=9"}) {
        EXPECT_FALSE(http::accepts_gzip(header)) << header;
    }
}

TEST(Gzip, IsForText) {
    EXPECT_TRUE(http::is_compressible("application/json"));
    EXPECT_TRUE(http::is_compressible("Text/HTML; charset=utf-8"));
    EXPECT_FALSE(http::is_compressible("image/png"));
    EXPECT_FALSE(http::is_compressible(""));
}

}  // namespace
