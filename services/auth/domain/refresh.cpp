#include "auth/domain/refresh.hpp"

namespace auth {

RefreshDecision decide_refresh(const RefreshToken& token) {
    if (token.is_revoked) return RefreshDecision::refuse;
    // Reuse is looked at before expiry: a stolen token shows itself late, too.
    if (token.used_at_ms) {
        const bool is_in_grace = token.now_ms - *token.used_at_ms <= refresh_grace_ms;
        return is_in_grace ? RefreshDecision::repeat : RefreshDecision::revoke;
    }
    if (token.now_ms >= token.expires_at_ms) return RefreshDecision::refuse;
    return RefreshDecision::rotate;
}

}  // namespace auth
