#include "product/api/reservations.hpp"

#include "base/timestamp.hpp"
#include "json/decode.hpp"
#include "json/encode.hpp"
#include "product/api/error_response.hpp"
#include "product/api/messages.hpp"

namespace product::api {
namespace {

http::Response reservation_response(int status, const Reservation& reservation) {
    ReservationBody body;
    body.id = reservation.id;
    if (reservation.purpose) body.purpose = to_string(*reservation.purpose);
    body.state = to_string(reservation.state);
    for (const auto& line : reservation.lines) {
        body.lines.push_back(
            {line.product_id, line.quantity, line.sold, line.name, line.price_cents, line.currency}
        );
    }
    if (reservation.expires_at_ms) {
        body.expires_at = base::format_timestamp(*reservation.expires_at_ms);
    }
    body.created_at = base::format_timestamp(reservation.created_at_ms);
    if (reservation.closed_at_ms) {
        body.closed_at = base::format_timestamp(*reservation.closed_at_ms);
    }
    return http::json_response(status, json::encode(body));
}

std::vector<Line> lines_of(const std::vector<LineBody>& bodies) {
    std::vector<Line> lines;
    for (const auto& body : bodies) lines.push_back({body.product_id, body.quantity});
    return lines;
}

std::string actor_of(const std::string& caller) {
    return "service:" + caller;
}

std::expected<ReservationRequest, FieldProblem> request_of(const ReserveBody& body) {
    const auto purpose = parse_purpose(body.purpose);
    if (!purpose) {
        return std::unexpected(FieldProblem{"purpose", "Must be order or flash_sale."});
    }
    return complete({body.id, *purpose, lines_of(body.lines), body.expires_in_ms});
}

}  // namespace

net::awaitable<http::Response> reserve(Parts& parts, http::Request& request) {
    const auto caller = parts.callers.caller(request);
    if (!caller) co_return http::to_response(caller.error());
    const auto body = json::decode<ReserveBody>(request.body);
    if (!body) co_return body_response(body.error());
    const auto wanted = request_of(*body);
    if (!wanted) co_return field_response(wanted.error());
    const auto made = co_await parts.stock.reserve(*wanted, actor_of(*caller), request.deadline);
    if (!made) co_return refusal_response(made.error());
    co_return reservation_response(made->fresh ? 201 : 200, made->value);
}

net::awaitable<http::Response> get_reservation(Parts& parts, http::Request& request) {
    const auto caller = parts.callers.caller(request);
    if (!caller) co_return http::to_response(caller.error());
    const auto id = base::Uuid::parse(request.path_parameter("id"));
    if (!id) co_return reservation_unknown();
    const auto found = co_await parts.stock.find(*id, request.deadline);
    if (!found) co_return reservation_unknown();
    co_return reservation_response(200, *found);
}

net::awaitable<http::Response> settle(Parts& parts, http::Request& request) {
    const auto caller = parts.callers.caller(request);
    if (!caller) co_return http::to_response(caller.error());
    const auto id = base::Uuid::parse(request.path_parameter("id"));
    if (!id) co_return reservation_unknown();
    const auto body = json::decode<SettleBody>(request.body);
    if (!body) co_return body_response(body.error());
    std::vector<Line> told;
    for (const auto& line : body->lines) told.push_back({line.product_id, line.sold});
    const auto sold = merge_lines(told, 0, "sold");
    if (!sold) co_return field_response(sold.error());
    const auto settled =
        co_await parts.stock.settle(*id, *sold, actor_of(*caller), request.deadline);
    if (!settled) co_return refusal_response(settled.error());
    co_return reservation_response(200, settled->value);
}

net::awaitable<http::Response> take_back(Parts& parts, http::Request& request) {
    const auto caller = parts.callers.caller(request);
    if (!caller) co_return http::to_response(caller.error());
    const auto body = json::decode<ReturnBody>(request.body);
    if (!body) co_return body_response(body.error());
    const auto lines = merge_lines(lines_of(body->lines), 1, "quantity");
    if (!lines) co_return field_response(lines.error());
    const auto made = co_await parts.stock.take_back(
        body->id, body->order_id, *lines, actor_of(*caller), request.deadline
    );
    if (!made) co_return refusal_response(made.error());
    ReturnedBody answer{body->id, body->order_id, {}, base::format_timestamp(made->value)};
    for (const Line& line : *lines) answer.lines.push_back({line.product_id, line.quantity});
    co_return http::json_response(made->fresh ? 201 : 200, json::encode(answer));
}

}  // namespace product::api
