#include "order/store/sale_lease.hpp"

#include <gtest/gtest.h>

#include "net/event.hpp"
#include "testing/run_on_loop.hpp"
#include "testing/temporary_redis.hpp"

namespace order {
namespace {

using std::chrono::milliseconds;

testing::TemporaryRedis& shared_redis() {
    static testing::TemporaryRedis server;
    return server;
}

const LeaseHolder first{"10.0.0.1:8080", "a1"};
const LeaseHolder second{"10.0.0.2:8080", "b2"};
const LeaseHolder first_restarted{"10.0.0.1:8080", "a2"};

struct SaleLeaseTest : ::testing::Test {
    net::asio::io_context loop;
    base::UuidGenerator ids;
    base::Uuid sale = ids.next(1);
    redis::Client client{loop.get_executor(), shared_redis().settings(), nullptr};
    SaleLease lease{client, 60000};

    SaleLeaseTest() {
        client.start();
        const bool connected = testing::run_on_loop(loop, client.connected_by(soon()));
        EXPECT_TRUE(connected);
    }

    static net::Deadline soon() { return net::deadline_in(milliseconds(5000)); }

    SaleLease::Attempt acquire(SaleLease& of, const LeaseHolder& holder) {
        return testing::run_on_loop(loop, of.acquire(sale, holder, soon()));
    }
    bool renew(SaleLease& of, const LeaseHolder& holder) {
        return testing::run_on_loop(loop, of.renew(sale, holder, soon()));
    }
    void release(SaleLease& of, const LeaseHolder& holder) {
        testing::run_on_loop(loop, of.release(sale, holder, soon()));
    }
    redis::Reply exec(redis::Command command) {
        return testing::run_on_loop(loop, client.exec(std::move(command), soon()));
    }
    std::string key() const { return "doorbuster:{sale:" + sale.to_string() + "}:lease"; }
    std::int64_t left_ms() { return exec({"PTTL", key()}).integer; }
};

TEST_F(SaleLeaseTest, GoesToTheFirstAndNamesItToTheOthers) {
    const auto won = acquire(lease, first);
    EXPECT_TRUE(won.won);
    EXPECT_EQ(won.holder, first);
    EXPECT_EQ(exec({"GET", key()}).text, "10.0.0.1:8080 a1");
    EXPECT_GT(left_ms(), 55000);
    EXPECT_LE(left_ms(), 60000);

    const auto lost = acquire(lease, second);
    EXPECT_FALSE(lost.won);
    EXPECT_EQ(lost.holder, first);
}

TEST_F(SaleLeaseTest, IsOfOneSale) {
    EXPECT_TRUE(acquire(lease, first).won);
    sale = ids.next(2);
    EXPECT_TRUE(acquire(lease, second).won);
}

TEST_F(SaleLeaseTest, AskingAgainByTheHolderExtendsWithoutWinning) {
    SaleLease shorter(client, 30000);
    EXPECT_TRUE(acquire(shorter, first).won);
    const auto kept = acquire(lease, first);
    EXPECT_FALSE(kept.won);
    EXPECT_EQ(kept.holder, first);
    EXPECT_GT(left_ms(), 55000);
}

TEST_F(SaleLeaseTest, RenewsOnlyForItsHolder) {
    SaleLease shorter(client, 30000);
    EXPECT_FALSE(renew(lease, first)) << "nobody holds it";
    EXPECT_EQ(left_ms(), -2) << "renewing must not take it";
    EXPECT_TRUE(acquire(shorter, first).won);
    EXPECT_FALSE(renew(lease, second));
    EXPECT_FALSE(renew(lease, first_restarted)) << "same address, another life";
    EXPECT_LE(left_ms(), 30000);
    EXPECT_TRUE(renew(lease, first));
    EXPECT_GT(left_ms(), 55000);
}

TEST_F(SaleLeaseTest, IsReleasedOnlyByItsHolder) {
    EXPECT_TRUE(acquire(lease, first).won);
    release(lease, second);
    release(lease, first_restarted);
    EXPECT_EQ(acquire(lease, second).holder, first);
    release(lease, first);
    EXPECT_TRUE(acquire(lease, second).won);
    release(lease, first);
    EXPECT_EQ(acquire(lease, first).holder, second);
}

net::awaitable<bool> wins_by(
    SaleLease& lease, base::Uuid sale, LeaseHolder holder, net::Deadline deadline
) {
    while (net::SteadyClock::now() < deadline) {
        const SaleLease::Attempt attempt = co_await lease.acquire(sale, holder, deadline);
        if (attempt.won) co_return true;
        co_await net::sleep_for(milliseconds(5));
    }
    co_return false;
}

TEST_F(SaleLeaseTest, RunsOutUnlessRenewed) {
    SaleLease brief(client, 100);
    EXPECT_TRUE(acquire(brief, first).won);
    const auto begun = net::SteadyClock::now();
    EXPECT_TRUE(testing::run_on_loop(loop, wins_by(lease, sale, second, soon())));
    EXPECT_GE(net::SteadyClock::now() - begun, milliseconds(80));
    EXPECT_FALSE(renew(brief, first));
    EXPECT_EQ(acquire(brief, first).holder, second);
}

TEST_F(SaleLeaseTest, AForeignValueIsSomebodyElse) {
    EXPECT_EQ(exec({"SET", key(), "unreadable"}).text, "OK");
    const auto attempt = acquire(lease, first);
    EXPECT_FALSE(attempt.won);
    EXPECT_EQ(attempt.holder, std::nullopt);
}

TEST_F(SaleLeaseTest, AnErrorOfRedisIsABrokenNeighbour) {
    EXPECT_EQ(exec({"LPUSH", key(), "not a lease"}).integer, 1);
    EXPECT_THROW(acquire(lease, first), redis::Error);
    EXPECT_THROW(renew(lease, first), redis::Error);
    EXPECT_THROW(release(lease, first), redis::Error);
    client.stop();
    EXPECT_THROW(acquire(lease, first), redis::Error);
}

}  // namespace
}  // namespace order
