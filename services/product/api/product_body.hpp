#pragma once

#include "product/api/messages.hpp"
#include "product/domain/catalogue.hpp"

namespace product::api {

ProductBody to_body(const Product& product);

}  // namespace product::api
