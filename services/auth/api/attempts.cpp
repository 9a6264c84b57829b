#include "auth/api/attempts.hpp"

#include <algorithm>

#include "token/digest.hpp"

namespace auth::api {
namespace {

// Neither part may hold a line's end: addresses and networks have none.
base::Uuid subject_of(std::string_view kind, std::string_view what, std::string_view whose = {}) {
    std::string text(kind);
    text.append("\n").append(what).append("\n").append(whose);
    const Digest digest = token::sha256(text);
    base::Uuid subject;
    std::ranges::copy_n(digest.begin(), subject.bytes.size(), subject.bytes.begin());
    return subject;
}

std::string_view bytes_of(const Digest& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

std::optional<std::string> AttemptRules::client_of(const http::Request& request) const {
    // Without one, another room or an operator asks: the peer is who it is.
    const auto hops = request.headers.get("X-Forwarded-For").value_or(request.remote_address);
    std::string client = service::client_of(hops, proxies_);
    if (client.empty() || proxies_.contains(client)) return std::nullopt;
    return client;
}

std::optional<std::string> AttemptRules::wider_network_of(const http::Request& request) const {
    const auto client = client_of(request);
    if (!client) return std::nullopt;
    return service::wider_client_network(*client);
}

std::vector<Counted> AttemptRules::login(
    const http::Request& request, const Email& email, const Place& place
) const {
    if (place.device) return {{subject_of("device", bytes_of(*place.device)), guesses_pace}};
    const auto client = client_of(request);
    if (!client) return {{subject_of("guesses", email.key), account_pace}};
    const std::string network = service::client_network(*client);
    // A known network isn't let off: it may have a thousand other people.
    const bool is_known = place.network && place.network_age_s;
    const std::string whence = is_known ? place.network->to_string() : std::string();
    return {
        {subject_of("guesses", email.key, network), guesses_pace},
        {subject_of("account", email.key, whence), account_pace},
        {subject_of("network", network), limits_.network}
    };
}

std::vector<Counted> AttemptRules::registration(const http::Request& request) const {
    const auto client = client_of(request);
    if (!client) return {};
    const std::string network = service::client_network(*client);
    return {{subject_of("registrations", network), limits_.registrations}};
}

std::vector<Counted> AttemptRules::password_change(const base::Uuid& account_id) {
    return {{subject_of("password change", account_id.to_string()), guesses_pace}};
}

}  // namespace auth::api
