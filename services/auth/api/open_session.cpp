#include "auth/api/open_session.hpp"

#include "auth/api/answers.hpp"
#include "auth/domain/account_rules.hpp"
#include "base/assertion.hpp"
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

http::Response session_of(Parts& parts, const Account& account, const FreshSession& session) {
    const auto email = read_email(account.email);
    NewTokens tokens;
    tokens.access_token = parts.tokens.access_token(account, base::unix_now_ms() / 1000);
    tokens.refresh_token = session.refresh_token.text;
    // An operator may have written an address that nobody could register with.
    if (email) tokens.device_token = parts.tokens.new_device_token(email->key);
    tokens.expires_in_s = parts.tokens.lifetimes().access_s;
    return session_response(account, std::move(tokens));
}

}  // namespace auth::api
