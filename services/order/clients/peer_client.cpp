#include "order/clients/peer_client.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "json/decode.hpp"
#include "json/encode.hpp"
#include "order/clients/peer_messages.hpp"

namespace order {
namespace {

// Pods come and go with every rollout; beyond this many the old ones' clients are let go.
constexpr std::size_t peers_max = 32;

base::NeighbourError senseless(const std::string& what) {
    return base::NeighbourError("order pod", what, base::NeighbourError::Effect::unknown);
}

}  // namespace

PeerClient::PeerClient(net::Executor executor, std::string authorization)
    : executor_(std::move(executor)), authorization_(std::move(authorization)) {}

std::shared_ptr<http::Client> PeerClient::client(const std::string& address) {
    const auto found = clients_.find(address);
    if (found != clients_.end()) return found->second;
    const auto origin = http::Origin::parse(address);
    if (!origin) {
        throw base::NeighbourError(
            "order pod",
            "the lease names no address: " + address,
            base::NeighbourError::Effect::none
        );
    }
    http::ClientLimits limits;
    limits.connections_max = 8;
    limits.connect_timeout_ms = 300;
    if (clients_.size() >= peers_max) clients_.clear();
    auto made = std::make_shared<http::Client>(executor_, *origin, limits);
    clients_.emplace(address, made);
    return made;
}

net::awaitable<std::expected<ForwardedAnswers, PeerClient::Refusal>> PeerClient::forward(
    const std::string& address,
    const base::Uuid& sale,
    const ForwardedBatch& batch,
    net::Deadline deadline
) {
    http::OutgoingRequest request;
    request.method = "POST";
    request.target = "/internal/v1/flash-sales/" + sale.to_string() + "/batches";
    request.headers.set("Content-Type", "application/json");
    request.headers.set("Authorization", authorization_);
    const auto time_told =
        std::max(net::time_left(deadline) - forward_margin, std::chrono::milliseconds(1));
    request.headers.set("X-Deadline-Ms", fmt::to_string(time_told.count()));
    request.headers.set(std::string(waited_header), fmt::to_string(batch.waited.count()));
    request.body = json::encode(peer::to_message(batch));
    const auto peer = client(address);
    const http::Response response = co_await peer->send(std::move(request), deadline);
    if (response.status == 409) co_return std::unexpected(Refusal::not_holder);
    if (response.status != 200) throw senseless(fmt::format("status {}", response.status));
    const auto message = json::decode<peer::AnswersMessage>(response.body);
    if (!message) throw senseless(message.error().path + ": " + message.error().message);
    const bool complete = message->takes.size() == batch.takes.size() &&
                          message->returns.size() == batch.returns.size();
    if (!complete) throw senseless("answered another number of items");
    co_return peer::from_message(*message);
}

}  // namespace order
