#pragma once

#include <string>
#include <vector>

#include "base/uuid.hpp"
#include "net/net.hpp"
#include "postgres/pool.hpp"

namespace cli {

/// All that the shop has written down about one order, of either kind: a table per book it stands
/// in. Every value is text, an empty one is none.
struct OrderStory {
    struct Chapter {
        std::string name;
        std::vector<std::string> columns;
        std::vector<std::vector<std::string>> rows;
    };
    std::vector<Chapter> chapters;
};

/// Reads one snapshot of the schemas `orders`, `product` and `sandbox` as role `auditor`. Throws
/// Failure if no order has this id, and postgres::Error.
net::awaitable<OrderStory> read_order_story(postgres::Pool& pool, base::Uuid order);

/// For a person; chapters without rows are left out.
std::string to_table(const OrderStory& story);
/// One JSON object: for each chapter an array of objects.
std::string to_json(const OrderStory& story);

}  // namespace cli
