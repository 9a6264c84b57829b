#include "baselines/purchase.hpp"

#include <algorithm>

#include <boost/describe/class.hpp>
#include <fmt/format.h>

#include "base/timestamp.hpp"
#include "http/problem.hpp"
#include "json/decode.hpp"
#include "json/encode.hpp"
#include "token/digest.hpp"

namespace baselines {

struct PlaceOrderBody {
    std::int32_t quantity = 0;
};
BOOST_DESCRIBE_STRUCT(PlaceOrderBody, (), (quantity))

/// As order answers, so that both write as many bytes.
struct OrderBody {
    base::Uuid order_id;
    base::Uuid sale_id;
    base::Uuid product_id;
    std::int64_t quantity = 0;
    std::int64_t unit_price_cents = 0;
    std::string currency;
    std::string state;
    std::int64_t seq = 0;
    std::int64_t pos = 0;
    std::string expires_at;
};
BOOST_DESCRIBE_STRUCT(
    OrderBody,
    (),
    (order_id,
     sale_id,
     product_id,
     quantity,
     unit_price_cents,
     currency,
     state,
     seq,
     pos,
     expires_at)
)

namespace {

constexpr std::size_t key_bytes_max = 128;
constexpr std::int32_t quantity_max = 1000;

base::Uuid digest_of(std::string_view text) {
    const token::Digest digest = token::sha256(text);
    base::Uuid id;
    std::copy_n(digest.begin(), id.bytes.size(), id.bytes.begin());
    return id;
}

std::unexpected<http::Response> refused(std::string code, std::string field) {
    return std::unexpected(http::to_response({.status = 400, .code = code, .field = field}));
}

bool is_key(std::string_view text) {
    const auto visible = [](char letter) { return letter > ' ' && letter <= '~'; };
    return !text.empty() && text.size() <= key_bytes_max && std::ranges::all_of(text, visible);
}

std::string_view code_of(Outcome outcome) {
    switch (outcome) {
        case Outcome::sold_out:
            return "sold_out";
        case Outcome::sale_over:
            return "sale_over";
        case Outcome::none_left_now:
            return "none_left_now";
        case Outcome::not_enough:
            return "not_enough";
        case Outcome::limit_reached:
            return "limit_reached";
        case Outcome::paused:
            return "paused";
        case Outcome::not_started:
            return "not_started";
        case Outcome::key_reused:
            return "key_reused";
        default:
            return "busy";
    }
}

int status_of(Outcome outcome) {
    if (outcome == Outcome::late) return 503;
    return outcome == Outcome::key_reused ? 422 : 409;
}

}  // namespace

std::expected<Purchase, http::Response> read_purchase(const http::Request& request) {
    const auto sale_id = base::Uuid::parse(request.path_parameter("id"));
    if (!sale_id) return std::unexpected(sale_unknown());
    const auto key = request.headers.get("Idempotency-Key");
    if (!key || !is_key(*key)) return refused("invalid_field", "header Idempotency-Key");
    const auto body = json::decode<PlaceOrderBody>(request.body);
    if (!body) return refused("invalid_body", body.error().path);
    if (body->quantity < 1 || body->quantity > quantity_max) {
        return refused("invalid_field", "quantity");
    }
    Purchase purchase;
    purchase.sale_id = *sale_id;
    purchase.take.key = digest_of(*key);
    purchase.take.fingerprint =
        digest_of(fmt::format("take {} {}", sale_id->to_string(), body->quantity));
    purchase.take.quantity = body->quantity;
    return purchase;
}

http::Response to_response(const Terms& terms, const Purchase& purchase, const TakeAnswer& answer) {
    if (answer.outcome != Outcome::bought && answer.outcome != Outcome::known) {
        http::Problem problem;
        problem.status = status_of(answer.outcome);
        problem.code = code_of(answer.outcome);
        if (problem.status == 503) problem.retry_after_s = 1;
        return http::to_response(problem);
    }
    OrderBody body;
    body.order_id = answer.order_id;
    body.sale_id = terms.id;
    body.product_id = terms.product_id;
    body.quantity = purchase.take.quantity;
    body.unit_price_cents = terms.unit_price_cents;
    body.currency = terms.currency;
    body.state = "reserved";
    body.seq = answer.seq;
    body.pos = 1;
    body.expires_at = base::format_timestamp(answer.expires_at_us / 1000);
    const int status = answer.outcome == Outcome::bought ? 201 : 200;
    http::Response response = http::json_response(status, json::encode(body));
    response.headers.set("Location", "/api/v1/orders/" + answer.order_id.to_string());
    return response;
}

http::Response sale_unknown() {
    return http::to_response({.status = 404, .code = "sale_unknown"});
}

}  // namespace baselines
