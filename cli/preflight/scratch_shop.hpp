#pragma once

#include <string>
#include <string_view>

#include "http/client.hpp"
#include "json/json.hpp"
#include "net/net.hpp"
#include "token/access_token.hpp"

namespace cli::preflight {

/// What the shop said, and how long that took.
struct Answer {
    int status = 0;
    json::Value body;  ///< null if it is no JSON
    std::string described;
    double took_ms = 0;

    /// A text of the body; empty if there is none of that name.
    std::string text(std::string_view name) const;
    /// The stable code of a refusal; empty if there is none.
    std::string code() const { return text("code"); }
    /// "201 after 12.3 ms"
    std::string summary() const;
};

/// The gateway as the people of a smoke purchase use it. Their tokens are signed here, with ids of
/// no account, so that nothing is written into auth's schema.
class ScratchShop {
  public:
    enum class Person { admin, buyer, late_buyer };

    ScratchShop(net::Executor executor, http::Origin gateway, const token::SigningKey& key);

    /// `key`: the Idempotency-Key, or empty. Throws http::TransportError.
    net::awaitable<Answer> ask(
        Person who,
        std::string method,
        std::string target,
        std::string body,
        std::string key,
        net::Deadline deadline
    );

  private:
    const std::string& token_of(Person who) const;

    http::Client client_;
    std::string admin_;
    std::string buyer_;
    std::string late_buyer_;
};

}  // namespace cli::preflight
