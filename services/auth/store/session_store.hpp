#pragma once

#include <cstdint>
#include <optional>
#include <vector>

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
        std::int32_t password_version = 0;  ///< of the password that was given
    };
    /// Drops the account's oldest sessions beyond sessions_per_account_max. False, and no session,
    /// if the password was changed or the account disabled meanwhile.
    net::awaitable<bool> open(NewSession session, net::Deadline deadline);

    /// Another password: ends every session of the account and opens `session`, in one transaction.
    /// False, and nothing is changed, if the password is no longer the one that was checked.
    net::awaitable<bool> start_over(
        NewSession session, std::string password_phc, net::Deadline deadline
    );

    struct Refreshed {
        RefreshDecision decision = RefreshDecision::refuse;
        std::optional<Account> account;  ///< present for rotate, repeat and revoke
        std::size_t successor = 0;       ///< for rotate and repeat: which one leads on
    };
    /// Decides on a presented token and carries it out, in one transaction. A rotation stores the
    /// first of `successors`; a repeat finds the one that was stored, or is refused.
    net::awaitable<Refreshed> refresh(
        Digest token,
        std::vector<Digest> successors,
        std::int64_t lifetime_s,
        net::Deadline deadline
    );

    /// Ends the session of a token; unknown tokens are ignored.
    net::awaitable<void> close(Digest token, net::Deadline deadline);

    /// Ends every session of an account.
    net::awaitable<void> close_all(base::Uuid account_id, net::Deadline deadline);

    /// Drops up to `limit` sessions that ended a day ago; returns how many.
    net::awaitable<std::int64_t> drop_ended(std::int64_t limit, net::Deadline deadline);

    static constexpr std::int32_t sessions_per_account_max = 50;

  private:
    postgres::Pool& pool_;
};

}  // namespace auth
