#pragma once

#include "base/uuid.hpp"
#include "product/store/postgres_catalogue.hpp"
#include "product/store/postgres_stock.hpp"
#include "service/access.hpp"

namespace product::api {

/// What the handlers work with; made and owned by App.
struct Parts {
    service::Access& access;
    const service::ServiceCallers& callers;
    PostgresCatalogue& catalogue;
    PostgresStock& stock;
    base::UuidGenerator& ids;
};

}  // namespace product::api
