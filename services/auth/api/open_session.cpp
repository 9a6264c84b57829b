#include "auth/api/open_session.hpp"

#include "auth/api/answers.hpp"
#include "auth/api/known_places.hpp"
#include "base/timestamp.hpp"

namespace auth::api {

FreshSession fresh_session(Parts& parts, const Credentials& credentials) {
    FreshSession session;
    session.refresh_token = TokenMaker::new_refresh_token();
    session.stored.id = parts.ids.next(base::unix_now_ms());
    session.stored.account_id = credentials.account.id;
    session.stored.token = session.refresh_token.digest;
    session.stored.lifetime_s = parts.tokens.lifetimes().refresh_s;
    session.stored.password_version = credentials.password_version;
    return session;
}

http::Response session_of(
    Parts& parts, const Credentials& credentials, const FreshSession& session
) {
    const Account& account = credentials.account;
    NewTokens tokens;
    tokens.access_token = parts.tokens.access_token(account, base::unix_now_ms() / 1000);
    tokens.refresh_token = session.refresh_token.text;
    tokens.device_token = KnownPlaces(credentials).new_device_token();
    tokens.expires_in_s = parts.tokens.lifetimes().access_s;
    return session_response(account, std::move(tokens));
}

}  // namespace auth::api
