#pragma once

#include <map>
#include <memory>

#include "order/engine/sale_engine.hpp"

namespace order {

/// The engines of the sales that this pod sells right now; made on first use, forgotten when
/// nobody has bought for a while.
class SalesDesk {
  public:
    explicit SalesDesk(EngineParts parts) : parts_(parts) {}

    /// The engine of an open sale; null if there is no such sale, or it is still preparing or was
    /// refused. Throws postgres::Error.
    net::awaitable<std::shared_ptr<SaleEngine>> engine(
        const base::Uuid& sale, net::Deadline deadline
    );

    /// The engine if there is one already.
    std::shared_ptr<SaleEngine> running(const base::Uuid& sale) const;

    void forget_idle();
    net::awaitable<void> drain(net::Deadline deadline);

  private:
    EngineParts parts_;
    std::map<base::Uuid, std::shared_ptr<SaleEngine>> engines_;
};

}  // namespace order
