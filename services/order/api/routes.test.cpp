#include "order/api/routes.hpp"

#include <map>

#include <gtest/gtest.h>

#include "order/app.hpp"
#include "testing/contract.hpp"

namespace order {
namespace {

/// Enough for the room to be put together; nothing is connected before it starts.
std::optional<std::string> variable(const std::string& name) {
    static const std::map<std::string, std::string> variables{
        {"DATABASE_URL", "postgresql://orders:secret@127.0.0.1:1/none"},
        {"REDIS_SENTINELS", "127.0.0.1:1"},
        {"AUTH_ORIGIN", "http://127.0.0.1:1"},
        {"PRODUCT_ORIGIN", "http://127.0.0.1:1"},
        {"PAYMENT_ORIGIN", "http://127.0.0.1:1"},
        {"WEBHOOK_SECRET", "a secret that payment and order share"},
        {"SERVICE_NAME", "order"},
        {"SERVICE_SECRET", "a secret of the order room"},
        {"ADVERTISED_ADDRESS", "127.0.0.1:1"},
        {"ACCEPTED_CALLERS", "order=" + std::string(64, 'a')}
    };
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
}

TEST(Routes, AreThoseOfTheContract) {
    base::Environment environment(variable);
    Config config = Config::read(environment);
    ASSERT_EQ(environment.problems(), std::vector<std::string>{});
    net::asio::io_context loop;
    metrics::Registry metrics;
    service::Context context{loop.get_executor(), metrics};
    const App app(context, std::move(config));
    std::set<std::string> served;
    for (const auto& route : app.router().routes()) {
        served.insert(route.method + " " + route.pattern);
    }
    EXPECT_EQ(served, ::testing::contract_operations(ORDER_CONTRACT));
}

}  // namespace
}  // namespace order
