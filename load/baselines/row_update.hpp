#pragma once

#include <unordered_map>

#include "baselines/seller.hpp"
#include "postgres/pool.hpp"

namespace baselines {

/// The shop's own function with a batch of one: what combining is worth.
class RowUpdate final : public Seller {
  public:
    explicit RowUpdate(postgres::Pool& pool) : pool_(pool) {}

    net::awaitable<TakeAnswer> take(const Terms& terms, const Take& take, net::Deadline deadline)
        override;

  private:
    net::awaitable<std::int64_t> apply(
        const Terms& terms, const Take& take, net::Deadline deadline, TakeAnswer& answer
    );

    postgres::Pool& pool_;
    std::unordered_map<base::Uuid, std::int64_t> fences_;  ///< last known, by sale
};

}  // namespace baselines
