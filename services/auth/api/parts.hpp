#pragma once

#include <cstdint>
#include <string>

#include "auth/api/attempts.hpp"
#include "auth/api/token_maker.hpp"
#include "auth/store/account_store.hpp"
#include "auth/store/attempt_store.hpp"
#include "auth/store/known_network_store.hpp"
#include "auth/store/session_store.hpp"
#include "base/uuid.hpp"
#include "metrics/metrics.hpp"
#include "password/password.hpp"
#include "service/access.hpp"

namespace auth::api {

/// What the endpoints work with; owned by the app, on its loop.
struct Parts {
    AccountStore& accounts;
    SessionStore& sessions;
    AttemptStore& attempts;
    KnownNetworkStore& known_networks;
    const AttemptRules& attempts_by;
    password::Hasher& hasher;
    service::Access& access;
    TokenMaker& tokens;
    base::UuidGenerator& ids;
    metrics::Registry& metrics;
};

}  // namespace auth::api
