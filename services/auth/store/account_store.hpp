#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "auth/domain/account.hpp"
#include "auth/domain/account_rules.hpp"
#include "net/net.hpp"
#include "postgres/pool.hpp"

namespace auth {

using Digest = std::array<std::uint8_t, 32>;

struct NewAccount {
    base::Uuid id;
    Email email;
    std::optional<std::string> name;
    std::string password_phc;
};

struct Credentials {
    Account account;
    std::optional<std::string> password_phc;  ///< absent: no login by password
    std::int32_t password_version = 0;        ///< another one after each change of the password
    /// One for all accounts, known to the schema alone; absent where its row is lost.
    std::optional<Digest> place_secret;
};

/// Accounts. Throws postgres::Error when the database is away.
class AccountStore {
  public:
    explicit AccountStore(postgres::Pool& pool) : pool_(pool) {}

    /// nullopt if the address is taken.
    net::awaitable<std::optional<Account>> add(NewAccount account, net::Deadline deadline);
    net::awaitable<std::optional<Account>> find(base::Uuid id, net::Deadline deadline);
    net::awaitable<std::optional<Credentials>> find_credentials(
        std::string email_key, net::Deadline deadline
    );
    net::awaitable<std::optional<Credentials>> find_credentials(
        base::Uuid id, net::Deadline deadline
    );
    /// Whether the schema has the row that its migration made.
    net::awaitable<bool> has_place_secret(net::Deadline deadline);
    /// Does nothing if the hash is no longer `old_phc`.
    net::awaitable<void> replace_phc(
        base::Uuid id, std::string old_phc, std::string new_phc, net::Deadline deadline
    );

  private:
    postgres::Pool& pool_;
};

}  // namespace auth
