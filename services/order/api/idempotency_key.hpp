#pragma once

#include <expected>

#include "base/uuid.hpp"
#include "http/message.hpp"
#include "order/domain/sale_rules.hpp"

namespace order::api {

/// The request's Idempotency-Key as the tables keep it, a digest; or what is wrong with it.
std::expected<base::Uuid, FieldProblem> key_of(const http::Request& request);

}  // namespace order::api
