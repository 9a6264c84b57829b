#pragma once

#include "auth/domain/account.hpp"
#include "postgres/result.hpp"

namespace auth {

/// The columns that read_account reads, in its order.
#define AUTH_ACCOUNT_COLUMNS \
    "a.id, a.email, a.name, a.role, a.created_at, a.disabled_at IS NOT NULL"

Account read_account(const postgres::Result& rows, std::size_t row, int first_column = 0);

}  // namespace auth
