#include "product/api/error_response.hpp"

#include <utility>

#include <fmt/format.h>

namespace product::api {
namespace {

using Reason = StockRefusal::Reason;

http::Problem conflict(std::string code, std::string detail, std::string field = {}) {
    return {409, std::move(code), std::move(detail), std::move(field)};
}

http::Problem problem_of(Reason reason) {
    switch (reason) {
        case Reason::product_unknown:
            return {404, "product_unknown", "There is no such product."};
        case Reason::product_archived:
            return {409, "product_archived", "The product is no longer sold."};
        case Reason::not_enough_stock:
            return conflict(
                "not_enough_stock",
                "Fewer units are free than asked for; `available` says how many."
            );
        case Reason::reservation_differs:
            return conflict(
                "reservation_differs",
                "This id was used for another reservation; choose a new one.",
                "id"
            );
        case Reason::reservation_closed:
            return conflict(
                "reservation_closed",
                "This reservation was settled or has run out; choose a new id.",
                "id"
            );
        case Reason::reservation_unknown:
            return {404, "reservation_unknown", "There is no such reservation."};
        case Reason::reservation_expired:
            return conflict(
                "reservation_expired",
                "The reservation ran out and its units went back; nothing can be sold of it."
            );
        case Reason::settled_differently:
            return conflict(
                "settled_differently",
                "The reservation was settled with other numbers, and that is final."
            );
        case Reason::lines_mismatch:
            return {
                422,
                "lines_mismatch",
                "Name every product of the reservation and no other, none with more than reserved.",
                "lines"
            };
        case Reason::return_differs:
            return conflict(
                "return_differs", "This id was used for another return; choose a new one.", "id"
            );
        case Reason::below_reserved:
            return conflict(
                "below_reserved",
                "Units that are set aside can't be taken away; `available` says how many are free.",
                "quantity"
            );
        case Reason::key_reused:
            return {
                422,
                "key_reused",
                "This Idempotency-Key was used for another request; choose a new one.",
                "header Idempotency-Key"
            };
    }
    return {500, "internal", "An outcome without a name."};
}

}  // namespace

http::Response refusal_response(const StockRefusal& refusal) {
    http::Problem problem = problem_of(refusal.reason);
    if (refusal.product_id) {
        problem.members.emplace_back(
            "product_id", fmt::format("\"{}\"", refusal.product_id->to_string())
        );
    }
    if (refusal.available) {
        problem.members.emplace_back("available", fmt::to_string(*refusal.available));
    }
    if (refusal.reservation) {
        problem.members.emplace_back(
            "state", fmt::format("\"{}\"", to_string(refusal.reservation->state))
        );
    }
    return http::to_response(problem);
}

http::Response refusal_response(const PostgresCatalogue::ChangeRefusal& refusal) {
    using ChangeReason = PostgresCatalogue::ChangeRefusal::Reason;
    constexpr std::string_view detail =
        "The product was changed meanwhile; read it again and decide anew.";
    http::Problem problem;
    switch (refusal.reason) {
        case ChangeReason::unknown:
            return product_unknown();
        case ChangeReason::version_differs:
            problem = {409, "version_differs", std::string(detail), "version"};
            break;
        case ChangeReason::precondition_failed:
            problem = {412, "precondition_failed", std::string(detail), "header If-Match"};
            break;
    }
    problem.members.emplace_back("version", fmt::to_string(refusal.version));
    return http::to_response(problem);
}

http::Response field_response(const FieldProblem& problem) {
    return http::to_response({400, "invalid_field", problem.detail, problem.field});
}

http::Response body_response(const json::Error& error) {
    return http::to_response({400, "invalid_body", error.message, error.path});
}

http::Response key_response() {
    return field_response(
        {"header Idempotency-Key", "Is required: 1 to 128 visible ASCII characters."}
    );
}

http::Response product_unknown() {
    return http::to_response(problem_of(Reason::product_unknown));
}

http::Response reservation_unknown() {
    return http::to_response(problem_of(Reason::reservation_unknown));
}

http::Response key_reused() {
    return http::to_response(problem_of(Reason::key_reused));
}

}  // namespace product::api
