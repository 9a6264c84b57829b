#pragma once

#include "base/random.hpp"
#include "baselines/seller.hpp"
#include "postgres/pool.hpp"
#include "redis/client.hpp"

namespace baselines {

/// The usual design. The lock is released after the commit's result was read, whatever it was.
class LockPerRequest final : public Seller {
  public:
    LockPerRequest(postgres::Pool& pool, redis::Client& redis);

    net::awaitable<TakeAnswer> take(const Terms& terms, const Take& take, net::Deadline deadline)
        override;

  private:
    net::awaitable<bool> lock(std::string key, std::string token, net::Deadline deadline);
    net::awaitable<void> unlock(std::string key, std::string token);
    net::awaitable<TakeAnswer> sell(const Terms& terms, const Take& take, net::Deadline deadline);

    postgres::Pool& pool_;
    redis::Client& redis_;
    base::Jitter jitter_;
};

}  // namespace baselines
