#include "order/engine/sales_desk.hpp"

namespace order {
namespace {

constexpr std::chrono::seconds idle_time(60);

}  // namespace

net::awaitable<std::shared_ptr<SaleEngine>> SalesDesk::engine(
    const base::Uuid& sale, net::Deadline deadline
) {
    if (auto found = running(sale)) co_return found;
    const std::optional<Sale> known = co_await parts_.store.find(sale, deadline);
    if (!known) co_return nullptr;
    const SaleState state = known->standing.state;
    if (state == SaleState::preparing || state == SaleState::refused) co_return nullptr;
    // Another request may have made it while this one read.
    if (auto found = running(sale)) co_return found;
    auto made = std::make_shared<SaleEngine>(parts_, known->terms);
    engines_.emplace(sale, made);
    made->start();
    co_return made;
}

std::shared_ptr<SaleEngine> SalesDesk::running(const base::Uuid& sale) const {
    const auto found = engines_.find(sale);
    return found == engines_.end() ? nullptr : found->second;
}

void SalesDesk::forget_idle() {
    const auto moment = net::SteadyClock::now() - idle_time;
    std::erase_if(engines_, [moment](const auto& item) {
        if (!item.second->idle_since(moment)) return false;
        item.second->stop();
        return true;
    });
}

net::awaitable<void> SalesDesk::drain(net::Deadline deadline) {
    const auto engines = engines_;
    for (const auto& [sale, engine] : engines) {
        co_await engine->drain(deadline);
    }
    engines_.clear();
}

}  // namespace order
