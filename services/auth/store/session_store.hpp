#pragma once

#include <cstdint>
#include <optional>

#include "auth/domain/account.hpp"
#include "auth/domain/refresh.hpp"
#include "auth/store/account_store.hpp"

namespace auth {

/// Sessions and their refresh tokens, known by digest only. Throws postgres::Error when the
/// database is away.
class SessionStore {
  public:
    explicit SessionStore(postgres::Pool& pool) : pool_(pool) {}

    struct NewSession {
        base::Uuid id;
        base::Uuid account_id;
        Digest token;
        std::int64_t lifetime_s = 0;
    };
    /// Drops the account's oldest sessions beyond sessions_per_account_max.
    net::awaitable<void> open(NewSession session, net::Deadline deadline);

    struct Refreshed {
        RefreshDecision decision = RefreshDecision::refuse;
        std::optional<Account> account;  ///< present for rotate, repeat and revoke
    };
    /// Decides on a presented token and carries it out, in one transaction. `successor` is what a
    /// rotation stores; a repeat whose successor is another one is refused.
    net::awaitable<Refreshed> refresh(
        Digest token, Digest successor, std::int64_t lifetime_s, net::Deadline deadline
    );

    /// Ends the session of a token; unknown tokens are ignored.
    net::awaitable<void> close(Digest token, net::Deadline deadline);

    /// Drops up to `limit` sessions that ended a day ago; returns how many.
    net::awaitable<std::int64_t> drop_ended(std::int64_t limit, net::Deadline deadline);

    static constexpr std::int32_t sessions_per_account_max = 50;

  private:
    postgres::Pool& pool_;
};

}  // namespace auth
