#include "payment/api/error_response.hpp"

namespace payment::api {
namespace {

constexpr int retry_after_s = 1;

}  // namespace

http::Response field_response(const FieldProblem& problem) {
    return http::to_response({400, "invalid_field", problem.detail, problem.field, {}, {}});
}

http::Response body_response(const json::Error& error) {
    return http::to_response({400, "invalid_body", error.message, error.path, {}, {}});
}

http::Response void_refusal(ChargeState state) {
    if (state == ChargeState::refunded) {
        return http::to_response({409, "refunded", "The charge was made and refunded.", {}, {}, {}}
        );
    }
    return http::to_response(
        {409, "charged", "The charge was made before; refund it instead.", {}, {}, {}}
    );
}

http::Response refund_refusal(ChargeState state) {
    if (state == ChargeState::pending) {
        return http::to_response(
            {409, "pending", "The charge is not decided yet; void it.", {}, retry_after_s, {}}
        );
    }
    return http::to_response(
        {409, "not_charged", "Nothing was charged, so nothing is given back.", {}, {}, {}}
    );
}

http::Response charge_unknown() {
    return http::to_response({404, "charge_unknown", "There is no such charge.", {}, {}, {}});
}

http::Response key_reused() {
    return http::to_response(
        {422, "key_reused", "This key belongs to another charge; choose a new one.", "key", {}, {}}
    );
}

http::Response busy() {
    return http::to_response(
        {503, "busy", "Too many charges are waiting; try again.", {}, retry_after_s, {}}
    );
}

http::Response unknown_outcome() {
    return http::to_response(
        {503, "unknown", "The outcome is not known; ask for the charge.", {}, retry_after_s, {}}
    );
}

}  // namespace payment::api
