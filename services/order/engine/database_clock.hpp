#pragma once

#include <cstdint>

#include "net/net.hpp"
#include "order/store/sale_store.hpp"

namespace order {

/// Knows the offset between this machine's monotonic clock and PostgreSQL's clock, so that a
/// buyer's remaining milliseconds become a moment that the database itself can judge. Measured
/// once a second; the error is at most half of the measurement's round trip.
class DatabaseClock {
  public:
    explicit DatabaseClock(SaleStore& store) : store_(store) {}

    /// Measures for ever; keeps the last offset while the database is away.
    net::awaitable<void> run();

    /// Before the first measurement: this machine's own clock.
    std::int64_t now_us() const;
    std::int64_t at_us(net::Deadline moment) const;

  private:
    SaleStore& store_;
    bool measured_ = false;
    std::int64_t offset_us_ = 0;  ///< database's Unix time minus this machine's steady clock
};

}  // namespace order
