#include "service/access.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "base/assertion.hpp"
#include "base/encoding.hpp"
#include "base/timestamp.hpp"
#include "logging/logging.hpp"
#include "net/backoff.hpp"
#include "net/event.hpp"
#include "token/digest.hpp"

namespace service {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view keys_path = "/.well-known/jwks.json";
constexpr std::size_t keys_bytes_max = 64 * 1024;
constexpr milliseconds fetch_timeout{3000};
constexpr milliseconds fetch_interval_min{1000};
constexpr milliseconds backoff_first{250};
/// What Retry-After says to callers while there are no keys.
constexpr milliseconds backoff_most{1000};
constexpr std::size_t caller_secret_bytes_min = 16;

http::Problem problem(int status, std::string code, std::string detail) {
    http::Problem made;
    made.status = status;
    made.code = std::move(code);
    made.detail = std::move(detail);
    return made;
}

http::Problem refused(std::string code, std::string detail) {
    http::Problem made = problem(401, std::move(code), std::move(detail));
    made.field = "header Authorization";
    return made;
}

http::Problem refused(token::Refusal refusal) {
    if (refusal == token::Refusal::expired) {
        return refused(
            "token_expired", "The access token has expired; get another one with the refresh token."
        );
    }
    return refused("token_invalid", "The access token is not valid here; log in to get one.");
}

http::Problem keys_unavailable() {
    http::Problem made = problem(
        503, "keys_unavailable", "Access tokens can't be checked yet; try again in a moment."
    );
    made.retry_after_s = backoff_most / std::chrono::seconds(1);
    return made;
}

// What follows the scheme; nullopt if the header is absent or of another scheme.
std::optional<std::string_view> credentials(const http::Request& request, std::string_view scheme) {
    const auto header = request.headers.get("Authorization");
    if (!header || header->size() <= scheme.size()) return std::nullopt;
    if (!http::equal_ignoring_case(header->substr(0, scheme.size()), scheme)) return std::nullopt;
    if ((*header)[scheme.size()] != ' ') return std::nullopt;
    return header->substr(scheme.size() + 1);
}

}  // namespace

AccessSettings AccessSettings::read(base::Environment& environment) {
    AccessSettings settings;
    const std::string origin =
        environment.text("AUTH_ORIGIN", "where auth publishes its keys: http://host:port");
    const auto parsed = http::Origin::parse(origin);
    if (parsed) {
        settings.auth = *parsed;
    } else if (!origin.empty()) {
        environment.problem("AUTH_ORIGIN", "is not an origin", "write it as http://auth:8080");
    }
    settings.refresh_ms = environment.integer_or(
        "TOKEN_KEYS_REFRESH_MS", 30000, 1000, 600000, "how often auth's keys are fetched again"
    );
    settings.limits.cached_tokens_max = static_cast<std::size_t>(environment.integer_or(
        "TOKENS_CACHED_MAX", 200000, 0, 10000000, "verified tokens remembered, some 200 bytes each"
    ));
    return settings;
}

class Access::Core : public std::enable_shared_from_this<Access::Core> {
  public:
    Core(Context& context, AccessSettings settings)
        : executor_(context.executor),
          refresh_interval_(settings.refresh_ms),
          verifier_(settings.limits),
          changed_(context.executor),
          keys_(context.metrics.gauge("doorbuster_access_keys", "Public keys in use")) {
        for (std::size_t index = 0; index < refusals_.size(); ++index) {
            refusals_[index] = &context.metrics.counter(
                "doorbuster_access_refusals_total",
                "Access tokens refused",
                {{"reason", std::string(to_string(static_cast<token::Refusal>(index)))}}
            );
        }
    }

    void fetch_from(const http::Origin& auth, Context& context) {
        client_ = std::make_unique<http::Client>(
            executor_,
            auth,
            http::ClientLimits{
                .connections_max = 1,
                .waiting_max = 1,
                .connect_timeout_ms = 1000,
                .idle_timeout_ms = 60000,
                .response_bytes_max = keys_bytes_max
            }
        );
        fetched_ = &fetches(context, "fetched");
        failed_ = &fetches(context, "failed");
    }

    void use(std::string_view jwks) {
        const auto count = verifier_.set_keys(jwks);
        DOORBUSTER_ASSERT(count.has_value());
        keys_.Set(static_cast<double>(*count));
    }

    void start() {
        if (client_)
            net::asio::co_spawn(executor_, refresh(shared_from_this()), net::asio::detached);
    }

    void stop() {
        stopped_ = true;
        changed_.notify();
    }

    bool has_keys() const { return verifier_.has_keys(); }

    std::expected<std::optional<token::Claims>, http::Problem> known_caller(
        const http::Request& request
    ) {
        const auto token = token_of(request);
        if (!token) return std::unexpected(token.error());
        const auto claims = verifier_.look(*token, base::unix_now_ms() / 1000);
        if (!claims) return std::unexpected(refuse(claims.error()));
        if (*claims) request.notes.account_id = (*claims)->account_id;
        return *claims;
    }

    std::expected<token::Claims, http::Problem> caller(const http::Request& request) {
        const auto token = token_of(request);
        if (!token) return std::unexpected(token.error());
        const auto claims = verifier_.verify(*token, base::unix_now_ms() / 1000);
        if (!claims) return std::unexpected(refuse(claims.error()));
        request.notes.account_id = claims->account_id;
        return *claims;
    }

  private:
    static prometheus::Counter& fetches(Context& context, const std::string& outcome) {
        return context.metrics.counter(
            "doorbuster_access_key_fetches_total", "Fetches of auth's keys", {{"outcome", outcome}}
        );
    }

    std::expected<std::string_view, http::Problem> token_of(const http::Request& request) const {
        const auto token = credentials(request, "bearer");
        if (!token || request.headers.count("Authorization") != 1) {
            return std::unexpected(refused(
                "token_missing", "Send the access token as one header: Authorization: Bearer ..."
            ));
        }
        if (!verifier_.has_keys()) return std::unexpected(keys_unavailable());
        return *token;
    }

    http::Problem refuse(token::Refusal refusal) {
        refusals_[static_cast<std::size_t>(refusal)]->Increment();
        if (refusal == token::Refusal::key_unknown) ask_for_keys();
        return refused(refusal);
    }

    void ask_for_keys() {
        if (wanted_ || !client_) return;
        wanted_ = true;
        changed_.notify();
    }

    // Ends soon after stop(); holds its state meanwhile, as a fetch may be under way then.
    static net::awaitable<void> refresh(std::shared_ptr<Core> self) {
        net::Backoff backoff(
            backoff_first, backoff_most, static_cast<std::uint64_t>(base::unix_now_ms())
        );
        while (!self->stopped_) {
            self->wanted_ = false;
            const auto begun_at = net::SteadyClock::now();
            const bool is_fetched = co_await self->fetch();
            if (is_fetched) backoff.reset();
            const milliseconds pause = is_fetched ? self->refresh_interval_ : backoff.next();
            co_await self->wait_for_reason(begun_at + fetch_interval_min, begun_at + pause);
        }
    }

    // Until `next`, or from `earliest` on if an unknown kid was seen.
    net::awaitable<void> wait_for_reason(net::Deadline earliest, net::Deadline next) {
        while (!stopped_) {
            const net::Deadline until = wanted_ ? std::min(earliest, next) : next;
            if (net::SteadyClock::now() >= until) co_return;
            co_await changed_.wait_until(until);
        }
    }

    net::awaitable<bool> fetch() {
        std::string failure;
        try {
            http::OutgoingRequest request;
            request.target = keys_path;
            http::Response response =
                co_await client_->send(std::move(request), net::deadline_in(fetch_timeout));
            failure = take(response);
        } catch (const base::NeighbourError& error) {
            failure = error.what();
        }
        report(failure);
        co_return failure.empty();
    }

    std::string take(const http::Response& response) {
        if (response.status != 200) return "status " + std::to_string(response.status);
        const auto count = verifier_.set_keys(response.body);
        if (!count) return count.error();
        keys_.Set(static_cast<double>(*count));
        return {};
    }

    // One line per change: auth may be away for long.
    void report(const std::string& failure) {
        (failure.empty() ? fetched_ : failed_)->Increment();
        const bool is_failing = !failure.empty();
        if (is_failing == is_failing_) return;
        is_failing_ = is_failing;
        if (is_failing) {
            logging::warning(
                "auth's keys can't be fetched",
                {{"why", failure}, {"last_good_kept", verifier_.has_keys()}}
            );
        } else {
            logging::info("auth's keys are fetched again");
        }
    }

    net::Executor executor_;
    milliseconds refresh_interval_;
    token::Verifier verifier_;
    net::Event changed_;
    prometheus::Gauge& keys_;
    std::array<prometheus::Counter*, static_cast<std::size_t>(token::Refusal::expired) + 1>
        refusals_{};
    std::unique_ptr<http::Client> client_;
    prometheus::Counter* fetched_ = nullptr;
    prometheus::Counter* failed_ = nullptr;
    bool wanted_ = false;
    bool is_failing_ = false;
    bool stopped_ = false;

    friend class Access;
};

Access::Access(Context& context, AccessSettings settings)
    : core_(std::make_shared<Core>(context, settings)) {
    core_->fetch_from(settings.auth, context);
}

Access::Access(Context& context, token::VerifierLimits limits, std::string_view jwks)
    : core_(std::make_shared<Core>(context, AccessSettings{{}, 0, limits})) {
    core_->use(jwks);
}

Access::~Access() {
    core_->stop();
}

void Access::start() {
    core_->start();
}

void Access::use_keys(std::string_view jwks) {
    core_->use(jwks);
}

bool Access::has_keys() const {
    return core_->has_keys();
}

std::expected<token::Claims, http::Problem> Access::caller(const http::Request& request) {
    return core_->caller(request);
}

std::expected<std::optional<token::Claims>, http::Problem> Access::known_caller(
    const http::Request& request
) {
    return core_->known_caller(request);
}

std::expected<token::Claims, http::Problem> Access::admin(const http::Request& request) {
    auto claims = core_->caller(request);
    if (!claims) return claims;
    if (auto refusal = refusal_of_admin_route(*claims)) return std::unexpected(*refusal);
    return claims;
}

std::optional<http::Problem> Access::refusal_of_admin_route(const token::Claims& claims) {
    if (claims.role == token::Role::admin) return std::nullopt;
    return problem(403, "admin_only", "This needs an administrator's account.");
}

ServiceCallers ServiceCallers::read(base::Environment& environment) {
    constexpr std::string_view how_to_fix =
        "write order=<hex>,cli=<hex>, each the SHA-256 of a caller's secret: "
        "printf %s \"$secret\" | sha256sum";
    ServiceCallers callers;
    const std::string text = environment.secret(
        "ACCEPTED_CALLERS", 1, "rooms that may call /internal: name=SHA-256 of secret, ..."
    );
    std::string_view rest = text;
    while (!rest.empty()) {
        const std::string_view entry = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(rest.size(), entry.size() + 1));
        const std::size_t equals = entry.find('=');
        const auto digest = equals == std::string_view::npos
                                ? std::nullopt
                                : base::from_hex(entry.substr(equals + 1));
        const std::string name(entry.substr(0, equals));
        if (!digest || digest->size() != token::Digest().size() || name.empty() ||
            name.find(':') != std::string::npos) {
            environment.problem(
                "ACCEPTED_CALLERS", "has an entry that can't be read", std::string(how_to_fix)
            );
            break;
        }
        callers.accepted_.push_back({name, std::string(digest->begin(), digest->end())});
    }
    return callers;
}

std::expected<std::string, http::Problem> ServiceCallers::caller(const http::Request& request
) const {
    const auto refusal = [] {
        return std::unexpected(refused(
            "service_credential_required",
            "Only other rooms may call this: Authorization: Service <name>:<secret>."
        ));
    };
    const auto given = credentials(request, "service");
    if (!given || request.headers.count("Authorization") != 1) return refusal();
    const std::size_t colon = given->find(':');
    if (colon == std::string_view::npos) return refusal();
    const std::string_view name = given->substr(0, colon);
    const token::Digest digest = token::sha256(given->substr(colon + 1));
    const std::string_view digest_bytes(
        reinterpret_cast<const char*>(digest.data()), digest.size()
    );
    // No early end: the time must not tell how far a guess came, nor which entry it hit.
    const Accepted* found = nullptr;
    for (const Accepted& accepted : accepted_) {
        const bool is_same_secret = base::secrets_equal(accepted.digest, digest_bytes);
        const bool is_same_name = base::secrets_equal(accepted.name, name);
        found = (is_same_secret & is_same_name) ? &accepted : found;
    }
    if (found == nullptr) return refusal();
    return found->name;
}

std::string service_authorization(std::string_view name, std::string_view secret) {
    DOORBUSTER_ASSERT(!name.empty() && secret.size() >= caller_secret_bytes_min);
    return "Service " + std::string(name) + ':' + std::string(secret);
}

}  // namespace service
