#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/uuid.hpp"
#include "net/net.hpp"
#include "redis/client.hpp"

namespace order {

struct LeaseHolder {
    std::string address;
    std::string token;
};

class SaleLease {
  public:
    SaleLease(redis::Client& client, std::int64_t lease_ms) : client_(client), lease_ms_(lease_ms) {}

    struct Attempt {
        bool won = false;
        std::optional<LeaseHolder> holder;
    };
    net::awaitable<Attempt> acquire(
        const base::Uuid& sale, const LeaseHolder& self, net::Deadline deadline
    );
    net::awaitable<bool> renew(
        const base::Uuid& sale, const LeaseHolder& self, net::Deadline deadline
    );
    net::awaitable<void> release(
        const base::Uuid& sale, const LeaseHolder& self, net::Deadline deadline
    );

  private:
    redis::Client& client_;
    std::int64_t lease_ms_;
};

}  // namespace order
