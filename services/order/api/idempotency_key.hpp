#pragma once

#include <expected>
#include <optional>
#include <string_view>

#include "http/message.hpp"
#include "order/domain/request_key.hpp"
#include "order/domain/sale_rules.hpp"

namespace order::api {

/// The request's Idempotency-Key as the tables keep it, a digest; or what is wrong with it.
std::expected<base::Uuid, FieldProblem> key_of(const http::Request& request);

/// Where the key may be left out: nullopt. `asked` describes the decoded request.
std::expected<std::optional<RequestKey>, FieldProblem> optional_key_of(
    const http::Request& request, std::string_view asked
);

}  // namespace order::api
