#include "order/clients/product_client.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "base/timestamp.hpp"
#include "json/json.hpp"

namespace order {
namespace {

http::ClientLimits few_connections() {
    http::ClientLimits limits;
    limits.connections_max = 8;
    return limits;
}

const json::Value* member_of(const json::Value& value, std::string_view name) {
    const json::Object* object = value.if_object();
    return object == nullptr ? nullptr : object->if_contains(name);
}

std::string text_of(const json::Value& value, std::string_view name) {
    const json::Value* member = member_of(value, name);
    return member && member->is_string() ? std::string(member->get_string()) : std::string();
}

std::optional<std::int64_t> integer_of(const json::Value& value, std::string_view name) {
    const json::Value* member = member_of(value, name);
    if (member == nullptr || !member->is_int64()) return std::nullopt;
    return member->get_int64();
}

/// The answer's JSON; null if it has none.
json::Value document_of(const http::Response& response) {
    auto document = json::parse(response.body);
    return document ? std::move(*document) : json::Value();
}

std::string refusal_text(const http::Response& response) {
    const json::Value document = document_of(response);
    if (!document.is_object()) return fmt::format("status {}", response.status);
    return text_of(document, "code") + ": " + text_of(document, "detail");
}

// Product's last words, by call (contracts/product.openapi.yaml). Whatever else an answer says may
// be different next time: a gateway in between, a rollout, something else at product's address.
constexpr std::array reserve_refusals{
    std::string_view("product_unknown"),
    std::string_view("not_enough_stock"),
    std::string_view("product_archived"),
    std::string_view("reservation_differs"),
    std::string_view("reservation_closed")
};
constexpr std::array settle_refusals{
    std::string_view("reservation_unknown"),
    std::string_view("settled_differently"),
    std::string_view("reservation_expired"),
    std::string_view("lines_mismatch")
};
constexpr std::array return_refusals{
    std::string_view("product_unknown"), std::string_view("return_differs")
};

base::NeighbourError no_answer(const std::string& why) {
    return base::NeighbourError("product", why, base::NeighbourError::Effect::unknown);
}

json::Array lines_to_json(const std::vector<WantedLine>& lines, std::string_view quantity_name) {
    json::Array array;
    for (const WantedLine& line : lines) {
        array.push_back(json::Object{
            {"product_id", line.product_id.to_string()}, {quantity_name, line.quantity}
        });
    }
    return array;
}

std::optional<PricedLine> read_line(const json::Value& value) {
    const auto product = base::Uuid::parse(text_of(value, "product_id"));
    const auto quantity = integer_of(value, "quantity");
    const auto price = integer_of(value, "price_cents");
    PricedLine line;
    line.name = text_of(value, "name");
    line.currency = text_of(value, "currency");
    if (!product || !quantity || !price || line.currency.empty()) return std::nullopt;
    line.product_id = *product;
    line.quantity = *quantity;
    line.unit_price_cents = *price;
    return line;
}

/// What product set aside, if that is what was asked for.
StockHold read_hold(const http::Response& response, const std::vector<WantedLine>& wanted) {
    const json::Value document = document_of(response);
    const json::Value* lines = member_of(document, "lines");
    const auto expires_at = base::parse_timestamp(text_of(document, "expires_at"));
    if (lines == nullptr || !lines->is_array() || !expires_at) {
        throw no_answer("an answer that is no reservation");
    }
    StockHold hold;
    hold.expires_at_ms = *expires_at;
    for (const json::Value& value : lines->get_array()) {
        auto line = read_line(value);
        if (!line) throw no_answer("a line without its price");
        const WantedLine asked{line->product_id, line->quantity};
        if (std::ranges::find(wanted, asked) == wanted.end()) throw no_answer("other lines");
        hold.lines.push_back(std::move(*line));
    }
    if (hold.lines.size() != wanted.size()) throw no_answer("other lines");
    return hold;
}

/// Product's definite no to a reservation, or an exception.
RefusedOrder read_refusal(const http::Response& response) {
    const json::Value document = document_of(response);
    const std::string code = text_of(document, "code");
    RefusedOrder refusal;
    refusal.product_id = base::Uuid::parse(text_of(document, "product_id"));
    refusal.available = integer_of(document, "available");
    for (const auto why :
         {OrderRefusal::not_enough_stock,
          OrderRefusal::product_archived,
          OrderRefusal::product_unknown}) {
        if (code != to_string(why)) continue;
        refusal.why = why;
        return refusal;
    }
    // Settled or run out before anybody here learned of it, or asked for on other terms: another
    // attempt needs another id.
    if (code == "reservation_closed" || code == "reservation_differs") return {};
    throw no_answer(refusal_text(response));
}

}  // namespace

ProductClient::ProductClient(net::Executor executor, http::Origin origin, std::string authorization)
    : authorization_(std::move(authorization)),
      client_(std::move(executor), std::move(origin), few_connections()) {}

net::awaitable<std::expected<void, ProductClient::Refusal>> ProductClient::reserve(
    const base::Uuid& reservation, const base::Uuid& product, std::int64_t units, Call call
) {
    json::Object line{{"product_id", product.to_string()}, {"quantity", units}};
    json::Object body{
        {"id", reservation.to_string()},
        {"purpose", "flash_sale"},
        {"lines", json::Array{std::move(line)}}
    };
    co_return co_await post(
        "/internal/v1/reservations", json::serialize(body), reserve_refusals, call
    );
}

net::awaitable<std::expected<void, ProductClient::Refusal>> ProductClient::settle(
    const base::Uuid& reservation, const base::Uuid& product, std::int64_t sold, Call call
) {
    json::Object line{{"product_id", product.to_string()}, {"sold", sold}};
    json::Object body{{"lines", json::Array{std::move(line)}}};
    co_return co_await post(
        "/internal/v1/reservations/" + reservation.to_string() + "/settle",
        json::serialize(body),
        settle_refusals,
        call
    );
}

net::awaitable<std::expected<StockHold, RefusedOrder>> ProductClient::reserve_order(
    base::Uuid reservation, std::vector<WantedLine> lines, std::int64_t hold_ms, Call call
) {
    json::Object body{
        {"id", reservation.to_string()},
        {"purpose", "order"},
        {"lines", lines_to_json(lines, "quantity")},
        {"expires_in_ms", hold_ms}
    };
    const http::Response response =
        co_await ask("/internal/v1/reservations", json::serialize(body), call);
    if (response.status == 200 || response.status == 201) co_return read_hold(response, lines);
    co_return std::unexpected(read_refusal(response));
}

net::awaitable<std::expected<void, ProductClient::Refusal>> ProductClient::settle_order(
    base::Uuid reservation, std::vector<WantedLine> sold, Call call
) {
    json::Object body{{"lines", lines_to_json(sold, "sold")}};
    co_return co_await post(
        "/internal/v1/reservations/" + reservation.to_string() + "/settle",
        json::serialize(body),
        settle_refusals,
        call
    );
}

net::awaitable<std::expected<void, ProductClient::Refusal>> ProductClient::return_units(
    base::Uuid order, std::vector<WantedLine> lines, Call call
) {
    json::Object body{
        {"id", order.to_string()},
        {"order_id", order.to_string()},
        {"lines", lines_to_json(lines, "quantity")}
    };
    co_return co_await post("/internal/v1/returns", json::serialize(body), return_refusals, call);
}

net::awaitable<http::Response> ProductClient::ask(std::string target, std::string body, Call call) {
    http::OutgoingRequest request;
    request.method = "POST";
    request.target = std::move(target);
    request.headers.set("Content-Type", "application/json");
    request.headers.set("Authorization", authorization_);
    // Product does no work that nobody waits for any more.
    request.headers.set("X-Deadline-Ms", fmt::to_string(net::time_left(call.deadline).count()));
    request.body = std::move(body);
    request.trace = call.trace;
    co_return co_await client_.send(std::move(request), call.deadline);
}

net::awaitable<std::expected<void, ProductClient::Refusal>> ProductClient::post(
    std::string target, std::string body, Codes refusals, Call call
) {
    const http::Response response = co_await ask(std::move(target), std::move(body), call);
    if (response.status == 200 || response.status == 201) {
        co_return std::expected<void, Refusal>();
    }
    const std::string code = text_of(document_of(response), "code");
    const bool is_last_word = std::ranges::find(refusals, code) != refusals.end();
    if (is_last_word) co_return std::unexpected(Refusal{refusal_text(response)});
    throw no_answer(refusal_text(response));
}

}  // namespace order
