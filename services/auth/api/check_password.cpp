#include "auth/api/check_password.hpp"

namespace auth::api {

net::awaitable<PasswordCheck> check_password(
    Parts& parts, std::optional<Credentials> credentials, std::string password
) {
    const bool has_password = credentials && credentials->password_phc;
    PasswordCheck check;
    check.phc = has_password ? *credentials->password_phc : parts.hasher.decoy();
    parts.metrics
        .counter("doorbuster_auth_password_checks_total", "Passwords hashed to be compared")
        .Increment();
    const auto verdict = co_await parts.hasher.verify(check.phc, std::move(password));
    check.is_right = has_password && verdict.matches;
    check.needs_rehash = check.is_right && verdict.needs_rehash;
    co_return check;
}

}  // namespace auth::api
