#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "auth/store/account_store.hpp"
#include "base/uuid.hpp"

namespace auth::api {

/// What tells an account's owner from strangers who guess at its password (ADR 0035): codes that
/// only this shop's database can make, for one account and one version of its password. Another
/// key that signs changes none of them, another password ends them all. A device token is 16
/// random bytes and their code; nothing of it is stored.
class KnownPlaces {
  public:
    /// Where there is no account, or its secret is lost, nothing is known, at the same cost.
    explicit KnownPlaces(const std::optional<Credentials>& credentials);

    std::string new_device_token() const;
    /// What counts attempts with this token; nullopt if it wasn't made for this account.
    std::optional<Digest> device_of(std::string_view text) const;
    /// What a network is known by.
    base::Uuid mark_of(std::string_view network) const;

  private:
    Digest key_{};
};

}  // namespace auth::api
