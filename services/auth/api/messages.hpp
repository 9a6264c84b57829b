#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <boost/describe/class.hpp>

#include "base/uuid.hpp"

// The JSON shapes of contracts/auth.openapi.yaml.

namespace auth::api {

struct RegisterBody {
    std::string email;
    std::string password;
    std::optional<std::string> name;
};
BOOST_DESCRIBE_STRUCT(RegisterBody, (), (email, password, name))

struct LoginBody {
    std::string email;
    std::string password;
    std::optional<std::string> device_token;
};
BOOST_DESCRIBE_STRUCT(LoginBody, (), (email, password, device_token))

struct PasswordBody {
    std::string current_password;
    std::string new_password;
};
BOOST_DESCRIBE_STRUCT(PasswordBody, (), (current_password, new_password))

struct RefreshTokenBody {
    std::string refresh_token;
};
BOOST_DESCRIBE_STRUCT(RefreshTokenBody, (), (refresh_token))

struct AccountBody {
    base::Uuid id;
    std::string email;
    std::optional<std::string> name;
    std::string role;
    std::string created_at;
};
BOOST_DESCRIBE_STRUCT(AccountBody, (), (id, email, name, role, created_at))

struct SessionBody {
    std::string access_token;
    std::string token_type = "Bearer";
    std::int64_t expires_in_s = 0;
    std::string refresh_token;
    std::optional<std::string> device_token;
    AccountBody account;
};
BOOST_DESCRIBE_STRUCT(
    SessionBody, (), (access_token, token_type, expires_in_s, refresh_token, device_token, account)
)

}  // namespace auth::api
