#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "base/uuid.hpp"
#include "http/client.hpp"
#include "net/net.hpp"

namespace order {

/// Asks product to set stock aside for a sale and tells it what became of it. Both calls may be
/// repeated freely: the sale's id is the reservation's.
class ProductClient {
  public:
    ProductClient(net::Executor executor, http::Origin origin, std::string authorization);

    /// A definite no, in product's words ("not_enough_stock: ...").
    struct Refusal {
        std::string why;
    };

    /// Throws base::NeighbourError if product didn't say yes or no.
    net::awaitable<std::expected<void, Refusal>> reserve(
        const base::Uuid& reservation,
        const base::Uuid& product,
        std::int64_t units,
        net::Deadline deadline
    );

    /// Absolute and final: `sold` is committed, the rest released.
    net::awaitable<std::expected<void, Refusal>> settle(
        const base::Uuid& reservation,
        const base::Uuid& product,
        std::int64_t sold,
        net::Deadline deadline
    );

  private:
    net::awaitable<std::expected<void, Refusal>> post(
        std::string target, std::string body, net::Deadline deadline
    );

    std::string authorization_;
    http::Client client_;
};

}  // namespace order
