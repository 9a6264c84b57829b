#include "order/clients/product_client.hpp"

#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "json/json.hpp"

namespace order {
namespace {

http::ClientLimits few_connections() {
    http::ClientLimits limits;
    limits.connections_max = 4;
    return limits;
}

std::string refusal_text(const http::Response& response) {
    const auto document = json::parse(response.body);
    if (!document || !document->is_object()) return fmt::format("status {}", response.status);
    const auto& members = document->get_object();
    const auto text = [&members](std::string_view name) {
        const auto* value = members.if_contains(name);
        return value && value->is_string() ? std::string(value->get_string()) : std::string();
    };
    return text("code") + ": " + text("detail");
}

}  // namespace

ProductClient::ProductClient(net::Executor executor, http::Origin origin, std::string authorization)
    : authorization_(std::move(authorization)),
      client_(std::move(executor), std::move(origin), few_connections()) {}

net::awaitable<std::expected<void, ProductClient::Refusal>> ProductClient::reserve(
    const base::Uuid& reservation,
    const base::Uuid& product,
    std::int64_t units,
    net::Deadline deadline
) {
    json::Object line{{"product_id", product.to_string()}, {"quantity", units}};
    json::Object body{
        {"id", reservation.to_string()},
        {"purpose", "flash_sale"},
        {"lines", json::Array{std::move(line)}}
    };
    co_return co_await post("/internal/v1/reservations", json::serialize(body), deadline);
}

net::awaitable<std::expected<void, ProductClient::Refusal>> ProductClient::settle(
    const base::Uuid& reservation,
    const base::Uuid& product,
    std::int64_t sold,
    net::Deadline deadline
) {
    json::Object line{{"product_id", product.to_string()}, {"sold", sold}};
    json::Object body{{"lines", json::Array{std::move(line)}}};
    co_return co_await post(
        "/internal/v1/reservations/" + reservation.to_string() + "/settle",
        json::serialize(body),
        deadline
    );
}

net::awaitable<std::expected<void, ProductClient::Refusal>> ProductClient::post(
    std::string target, std::string body, net::Deadline deadline
) {
    http::OutgoingRequest request;
    request.method = "POST";
    request.target = std::move(target);
    request.headers.set("Content-Type", "application/json");
    request.headers.set("Authorization", authorization_);
    request.body = std::move(body);
    const http::Response response = co_await client_.send(std::move(request), deadline);
    if (response.status == 200 || response.status == 201) {
        co_return std::expected<void, Refusal>();
    }
    // Only these are product's last word; anything else may be different next time.
    const bool definite =
        response.status == 404 || response.status == 409 || response.status == 422;
    if (definite) co_return std::unexpected(Refusal{refusal_text(response)});
    throw base::NeighbourError(
        "product", refusal_text(response), base::NeighbourError::Effect::unknown
    );
}

}  // namespace order
