#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/uuid.hpp"

namespace auth {

enum class Role { customer, admin };

struct Account {
    base::Uuid id;
    std::string email;
    std::optional<std::string> name;
    Role role = Role::customer;
    std::int64_t created_at_ms = 0;
    bool is_disabled = false;  ///< closed by an operator
};

}  // namespace auth
