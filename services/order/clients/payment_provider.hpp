#pragma once

#include <string>
#include <string_view>

#include "net/net.hpp"
#include "order/domain/payment.hpp"

namespace order {

/// A payment provider as the shop sees one. Each attempt is charged at most once, however often it
/// is asked; a void is final and blocks a charge that arrives later. Methods throw
/// base::NeighbourError when the provider's answer didn't come: the attempt is then undecided.
class PaymentProvider {
  public:
    virtual ~PaymentProvider() = default;

    /// True for payment methods that this provider knows.
    virtual bool accepts(std::string_view method) const = 0;

    virtual net::awaitable<ChargeVerdict> charge(
        PaymentAttempt attempt, std::string method, net::Deadline deadline
    ) = 0;
    virtual net::awaitable<void> void_charge(PaymentAttempt attempt, net::Deadline deadline) = 0;
    virtual net::awaitable<void> refund(PaymentAttempt attempt, net::Deadline deadline) = 0;
};

}  // namespace order
