#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/environment.hpp"
#include "http/client.hpp"
#include "http/message.hpp"
#include "http/problem.hpp"
#include "service/context.hpp"
#include "token/access_token.hpp"

namespace service {

struct AccessSettings {
    http::Origin auth;  ///< where /.well-known/jwks.json is
    std::int64_t refresh_ms = 30000;
    token::VerifierLimits limits;

    /// AUTH_ORIGIN, TOKEN_KEYS_REFRESH_MS, TOKENS_CACHED_MAX.
    static AccessSettings read(base::Environment& environment);
};

/// Tells who sent a request, from its access token alone: no room believes identity headers.
/// Fetches auth's keys in the background and keeps the last good set while auth is away; an
/// unknown `kid` asks for a refresh (at most one a second).
class Access {
  public:
    Access(Context& context, AccessSettings settings);
    /// With keys that are known already, as in auth itself: fetches nothing.
    Access(Context& context, token::VerifierLimits limits, std::string_view jwks);
    ~Access();
    Access(const Access&) = delete;
    Access& operator=(const Access&) = delete;

    void start();
    bool has_keys() const;
    /// Other keys from now on, where they aren't fetched; tokens of a key that is gone with them.
    void use_keys(std::string_view jwks);

    /// The caller's claims; or 401 `token_missing`, `token_invalid`, `token_expired`, or 503
    /// `keys_unavailable` before the first key set came.
    std::expected<token::Claims, http::Problem> caller(const http::Request& request);
    /// As caller, but never checks a signature: nullopt where all depends on it. For who decides
    /// whether that is worth its time.
    std::expected<std::optional<token::Claims>, http::Problem> known_caller(
        const http::Request& request
    );
    /// As caller, and 403 `admin_only` for other roles.
    std::expected<token::Claims, http::Problem> admin(const http::Request& request);

    /// The same of claims that are known already: the problem, if they are no administrator's.
    static std::optional<http::Problem> refusal_of_admin_route(const token::Claims& claims);

  private:
    class Core;
    std::shared_ptr<Core> core_;
};

/// Credentials between rooms: `Authorization: Service <name>:<secret>`. A room is configured with
/// the SHA-256 digests of those it accepts (ACCEPTED_CALLERS="order=<hex>,cli=<hex>") and compares
/// in constant time with every one of them. A name may stand there twice while its secret changes.
class ServiceCallers {
  public:
    static ServiceCallers read(base::Environment& environment);

    /// The caller's name, or 401 `service_credential_required`.
    std::expected<std::string, http::Problem> caller(const http::Request& request) const;

  private:
    struct Accepted {
        std::string name;
        std::string digest;  ///< 32 bytes
    };
    std::vector<Accepted> accepted_;
};

/// The header value for one's own credential.
std::string service_authorization(std::string_view name, std::string_view secret);

}  // namespace service
