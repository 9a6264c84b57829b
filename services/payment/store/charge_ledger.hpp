#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/uuid.hpp"
#include "net/net.hpp"
#include "payment/domain/charge.hpp"
#include "payment/domain/script.hpp"
#include "postgres/pool.hpp"

namespace payment {

/// The provider's book (schema `sandbox`): one row per key, for ever. Every method may be repeated;
/// each is one statement, in one transaction with the webhook it gives rise to. Throws
/// base::NeighbourError.
class ChargeLedger {
  public:
    explicit ChargeLedger(postgres::Pool& pool) : pool_(pool) {}

    struct NewCharge {
        ChargeRequest request;
        Script script;
        base::Uuid event_id;  ///< of its webhook, if the script has one
    };
    struct Entered {
        bool by_this_request = false;  ///< false: the key was there, `charge` is what is there
        Charge charge;
    };
    /// One answer per charge, in order. The first entry of a key decides, also within one call.
    net::awaitable<std::vector<Entered>> charge(
        const std::vector<NewCharge>& charges, net::Deadline deadline
    );

    net::awaitable<std::optional<Charge>> find(std::string key, net::Deadline deadline);

    /// Final: what is pending or not there yet will never be charged. Returns the charge as it is
    /// then: `charged` or `refunded` if it was too late for a void.
    net::awaitable<Charge> void_charge(std::string key, net::Deadline deadline);

    /// Gives back what is charged. Returns the charge as it is then; nullopt if there is none.
    net::awaitable<std::optional<Charge>> refund(std::string key, net::Deadline deadline);

    /// Decides pending charges whose time has come, some of them on each pod that asks.
    net::awaitable<std::int64_t> settle_due(int limit, net::Deadline deadline);

  private:
    postgres::Pool& pool_;
};

}  // namespace payment
