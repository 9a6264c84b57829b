#pragma once

#include <cstdint>

#include "auth/api/parts.hpp"

namespace auth::api {

/// A session that is yet to be stored, and the token that belongs to it.
struct FreshSession {
    SessionStore::NewSession stored;
    TokenMaker::RefreshToken refresh_token;
};
FreshSession fresh_session(Parts& parts, const Credentials& credentials);

/// The answer to who has just given the right password: a session and a device token, which is
/// good for as long as the password of these credentials.
http::Response session_of(
    Parts& parts, const Credentials& credentials, const FreshSession& session
);

}  // namespace auth::api
