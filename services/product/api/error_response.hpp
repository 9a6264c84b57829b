#pragma once

#include "http/problem.hpp"
#include "json/json.hpp"
#include "product/domain/field_problem.hpp"
#include "product/store/postgres_catalogue.hpp"
#include "product/store/postgres_stock.hpp"

// The one place where outcomes become statuses and codes (contracts/product.openapi.yaml).

namespace product::api {

http::Response refusal_response(const StockRefusal& refusal);
http::Response refusal_response(const PostgresCatalogue::ChangeRefusal& refusal);

http::Response field_response(const FieldProblem& problem);
http::Response body_response(const json::Error& error);
http::Response key_response();  ///< the Idempotency-Key is missing or malformed

http::Response product_unknown();
http::Response reservation_unknown();
http::Response key_reused();

}  // namespace product::api
