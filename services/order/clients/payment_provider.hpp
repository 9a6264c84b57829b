#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "net/net.hpp"
#include "order/clients/call.hpp"
#include "order/domain/payment.hpp"

namespace order {

/// A payment provider as the shop sees one. Each attempt is charged at most once, however often it
/// is asked; a void is final and blocks a charge that arrives later. Methods throw
/// base::NeighbourError when the provider's answer didn't come: with Effect::none it was never
/// asked, else the attempt is undecided until somebody hears more.
class PaymentProvider {
  public:
    virtual ~PaymentProvider() = default;

    /// True for payment methods that this provider knows.
    virtual bool accepts(std::string_view method) const = 0;

    /// nullopt: pending, the verdict comes later by webhook.
    virtual net::awaitable<std::optional<ChargeVerdict>> charge(
        PaymentAttempt attempt, std::string method, Call call
    ) = 0;
    /// The verdict of an attempt whose answer got lost; nullopt: none yet, or never heard of it.
    virtual net::awaitable<std::optional<ChargeVerdict>> ask(PaymentAttempt attempt, Call call) = 0;
    virtual net::awaitable<VoidAnswer> void_charge(PaymentAttempt attempt, Call call) = 0;
    /// Returns once no money of the attempt is kept.
    virtual net::awaitable<void> refund(PaymentAttempt attempt, Call call) = 0;
};

}  // namespace order
