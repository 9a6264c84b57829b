#include "auth/api/find_place.hpp"

#include "auth/api/known_places.hpp"
#include "logging/logging.hpp"

namespace auth::api {

Place new_place(
    Parts& parts, const http::Request& request, const std::optional<Credentials>& credentials
) {
    Place place;
    const auto network = parts.attempts_by.wider_network_of(request);
    if (network) place.network = KnownPlaces(credentials).mark_of(*network);
    return place;
}

net::awaitable<Place> find_place(
    Parts& parts,
    const http::Request& request,
    const std::optional<Credentials>& credentials,
    std::string device_token
) {
    Place place = new_place(parts, request, credentials);
    place.device = KnownPlaces(credentials).device_of(device_token);
    if (!place.network) co_return place;
    const base::Uuid account_id = credentials ? credentials->account.id : base::Uuid{};
    place.network_age_s =
        co_await parts.known_networks.age_s(account_id, *place.network, request.deadline);
    co_return place;
}

net::awaitable<void> remember_place(
    Parts& parts, const http::Request& request, base::Uuid account_id, Place place
) {
    if (!place.network) co_return;
    if (place.network_age_s && *place.network_age_s < network_renewed_after_s) co_return;
    try {
        co_await parts.known_networks.remember(account_id, *place.network, request.deadline);
    } catch (const base::NeighbourError& error) {
        logging::warning(
            "the network of a login was not written down",
            {{"why", error.what()},
             {"request_id", request.request_id},
             {"trace_id", request.trace.trace_id()}}
        );
    }
}

}  // namespace auth::api
