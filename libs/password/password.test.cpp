#include "password/password.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include "base/neighbour_error.hpp"
#include "testing/run_on_loop.hpp"

namespace {

namespace asio = boost::asio;

// libsodium's minimum: these tests are about the pool, not about the cost.
constexpr password::Cost cheap{.passes = 1, .memory_bytes = 8192};

class Password : public ::testing::Test {
  protected:
    std::string hash(password::Hasher& hasher, const std::string& text) {
        return testing::run_on_loop(loop_, hasher.hash(text));
    }
    password::Hasher::Verdict verify(
        password::Hasher& hasher, const std::string& phc, const std::string& text
    ) {
        return testing::run_on_loop(loop_, hasher.verify(phc, text));
    }

    asio::io_context loop_{1};
};

TEST_F(Password, matches_its_own_hash_only) {
    password::Hasher hasher(loop_.get_executor(), cheap, {});
    const std::string phc = hash(hasher, "correct horse");
    EXPECT_EQ(phc.substr(0, 10), "$argon2id$");
    EXPECT_TRUE(verify(hasher, phc, "correct horse").matches);
    EXPECT_FALSE(verify(hasher, phc, "correct horsf").matches);
    EXPECT_FALSE(verify(hasher, phc, "").matches);
    EXPECT_FALSE(verify(hasher, phc, std::string("correct horse\0x", 15)).matches);
    EXPECT_FALSE(verify(hasher, "", "correct horse").matches);
    EXPECT_FALSE(verify(hasher, "not a hash", "correct horse").matches);
    EXPECT_NE(hash(hasher, "correct horse"), phc) << "each hash has its own salt";
}

TEST_F(Password, default_cost_is_the_recommended_one) {
    password::Hasher hasher(loop_.get_executor(), {}, {});
    EXPECT_NE(hasher.decoy().find("$m=19456,t=2,p=1$"), std::string::npos) << hasher.decoy();
}

TEST_F(Password, asks_for_a_new_hash_when_the_cost_changed) {
    password::Hasher cheaper(loop_.get_executor(), cheap, {});
    password::Hasher dearer(loop_.get_executor(), {.passes = 2, .memory_bytes = 16384}, {});
    const std::string phc = hash(cheaper, "correct horse");
    EXPECT_FALSE(verify(cheaper, phc, "correct horse").needs_rehash);
    EXPECT_TRUE(verify(dearer, phc, "correct horse").needs_rehash);
    EXPECT_FALSE(verify(dearer, phc, "wrong").needs_rehash);
}

TEST_F(Password, decoy_matches_nothing) {
    password::Hasher hasher(loop_.get_executor(), cheap, {});
    EXPECT_FALSE(verify(hasher, hasher.decoy(), "").matches);
    EXPECT_FALSE(verify(hasher, hasher.decoy(), "correct horse").matches);
}

TEST_F(Password, beyond_the_limits_is_refused_at_once_and_room_comes_back) {
    password::Hasher hasher(loop_.get_executor(), cheap, {.threads = 1, .waiting_max = 2});
    int done = 0;
    int refused = 0;
    for (int caller = 0; caller < 5; ++caller) {
        asio::co_spawn(
            loop_,
            hasher.hash("correct horse"),
            [&](std::exception_ptr failure, const std::string&) {
                try {
                    if (failure) std::rethrow_exception(failure);
                    ++done;
                } catch (const base::NeighbourError& error) {
                    EXPECT_EQ(error.effect(), base::NeighbourError::Effect::none);
                    ++refused;
                }
            }
        );
    }
    loop_.run();
    EXPECT_EQ(done, 3);
    EXPECT_EQ(refused, 2);
    EXPECT_TRUE(hasher.has_room());
    EXPECT_TRUE(verify(hasher, hash(hasher, "again"), "again").matches);
}

net::awaitable<void> note_threads(password::Hasher& hasher, std::vector<std::thread::id>& threads) {
    threads.push_back(std::this_thread::get_id());
    co_await hasher.hash("correct horse");
    threads.push_back(std::this_thread::get_id());
}

TEST_F(Password, resumes_on_the_loop_which_goes_on_meanwhile) {
    password::Hasher hasher(loop_.get_executor(), {}, {});
    std::vector<std::thread::id> threads;
    bool is_hashed = false;
    int turns = 0;
    std::function<void()> turn = [&] {
        if (is_hashed) return;
        ++turns;
        asio::post(loop_, turn);
    };
    asio::co_spawn(loop_, note_threads(hasher, threads), [&](std::exception_ptr) {
        is_hashed = true;
    });
    asio::post(loop_, turn);
    loop_.run();
    EXPECT_EQ(threads, std::vector(2, std::this_thread::get_id()));
    EXPECT_GT(turns, 100);
}

TEST_F(Password, hasher_may_go_while_callers_wait) {
    auto hasher = std::make_unique<password::Hasher>(
        loop_.get_executor(), cheap, password::Limits{.threads = 1, .waiting_max = 64}
    );
    for (int caller = 0; caller < 20; ++caller) {
        asio::co_spawn(loop_, hasher->hash("correct horse"), asio::detached);
    }
    loop_.poll();
    hasher.reset();
}

TEST(wipe, leaves_nothing_in_the_buffer) {
    std::string text = "a password that is longer than the inner buffer";
    const char* buffer = text.data();
    const std::size_t length = text.size();
    password::wipe(text);
    EXPECT_TRUE(text.empty());
    ASSERT_EQ(text.data(), buffer);
    // The capacity is still the string's own.
    EXPECT_TRUE(std::all_of(buffer, buffer + length, [](char byte) { return byte == 0; }));
}

}  // namespace
