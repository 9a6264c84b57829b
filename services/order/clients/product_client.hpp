#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.hpp"
#include "http/client.hpp"
#include "net/net.hpp"
#include "order/clients/call.hpp"
#include "order/domain/ordinary_order.hpp"

namespace order {

/// Asks product to set stock aside for a sale or an order and tells it what became of it. Every
/// call may be repeated freely: the caller chose the reservation's id.
class ProductClient {
  public:
    ProductClient(net::Executor executor, http::Origin origin, std::string authorization);

    /// A definite no, in product's words ("not_enough_stock: ...").
    struct Refusal {
        std::string why;
    };

    /// Throws base::NeighbourError if product didn't say yes or no.
    net::awaitable<std::expected<void, Refusal>> reserve(
        const base::Uuid& reservation, const base::Uuid& product, std::int64_t units, Call call
    );

    /// Absolute and final: `sold` is committed, the rest released.
    net::awaitable<std::expected<void, Refusal>> settle(
        const base::Uuid& reservation, const base::Uuid& product, std::int64_t sold, Call call
    );

    /// All lines or none, with product's names and prices of this moment, until `hold_ms` from now.
    net::awaitable<std::expected<StockHold, RefusedOrder>> reserve_order(
        base::Uuid reservation, std::vector<WantedLine> lines, std::int64_t hold_ms, Call call
    );

    /// As settle, for all lines of an order; quantities are what is sold. A refusal is product's
    /// last word: nothing can be sold of this reservation.
    net::awaitable<std::expected<void, Refusal>> settle_order(
        base::Uuid reservation, std::vector<WantedLine> sold, Call call
    );

    /// Refunded units go back to stock, once per order.
    net::awaitable<std::expected<void, Refusal>> return_units(
        base::Uuid order, std::vector<WantedLine> lines, Call call
    );

  private:
    net::awaitable<http::Response> ask(std::string target, std::string body, Call call);
    /// `refusals`: the codes that are product's last word on this call; they outlive it.
    using Codes = std::span<const std::string_view>;
    net::awaitable<std::expected<void, Refusal>> post(
        std::string target, std::string body, Codes refusals, Call call
    );

    std::string authorization_;
    http::Client client_;
};

}  // namespace order
