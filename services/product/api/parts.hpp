#pragma once

#include "base/uuid.hpp"
#include "product/api/cursors.hpp"
#include "product/api/page_cache.hpp"
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
    const Cursors& cursors;
    PageCache& pages;       ///< of products
    PageCache& categories;  ///< kept longer: to count them reads the whole catalogue
};

}  // namespace product::api
