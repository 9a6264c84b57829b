#include "auth/store/account_rows.hpp"

namespace auth {

Account read_account(const postgres::Result& rows, std::size_t row, int first_column) {
    Account account;
    account.id = rows.uuid(row, first_column);
    account.email = std::string(rows.text(row, first_column + 1));
    account.name = rows.optional_text(row, first_column + 2);
    account.role = rows.text(row, first_column + 3) == "admin" ? Role::admin : Role::customer;
    account.created_at_ms = rows.timestamp_ms(row, first_column + 4);
    account.is_disabled = rows.boolean(row, first_column + 5);
    return account;
}

}  // namespace auth
