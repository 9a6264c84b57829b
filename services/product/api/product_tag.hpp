#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "product/domain/catalogue.hpp"
#include "product/domain/field_problem.hpp"

namespace product::api {

/// The strong entity tag of a product's representation, quotes included: its version, and its stock
/// and what is reserved of it, as those are shown too. Opaque to callers.
std::string product_tag(const Product& product);

/// The versions that an If-Match accepts; empty for "*". Movements of stock don't count: an admin's
/// change must not be refused because somebody bought meanwhile. A tag that is weak or not ours
/// stands for no version at all (-1).
std::expected<std::vector<std::int64_t>, FieldProblem> versions_of(std::string_view if_match);

}  // namespace product::api
