#include "order/api/idempotency_key.hpp"

#include "order/api/order_json.hpp"

namespace order::api {

std::expected<base::Uuid, FieldProblem> key_of(const http::Request& request) {
    const auto key = request.headers.get("Idempotency-Key");
    if (key && is_key(*key)) return digest_of(*key);
    return std::unexpected(FieldProblem{
        "header Idempotency-Key",
        key ? "Must be 1 to 128 visible ASCII characters."
            : "Is required: send a value of your own, and the same one when you try again."
    });
}

std::expected<std::optional<RequestKey>, FieldProblem> optional_key_of(
    const http::Request& request, std::string_view asked
) {
    if (!request.headers.get("Idempotency-Key")) return std::nullopt;
    const auto key = key_of(request);
    if (!key) return std::unexpected(key.error());
    return RequestKey{*key, digest_of(asked)};
}

}  // namespace order::api
