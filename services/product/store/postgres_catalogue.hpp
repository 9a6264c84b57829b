#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "net/net.hpp"
#include "postgres/pool.hpp"
#include "product/domain/catalogue.hpp"

namespace product {

/// The products as customers see them. Throws postgres::Error when the database doesn't answer.
class PostgresCatalogue {
  public:
    explicit PostgresCatalogue(postgres::Pool& pool) : pool_(pool) {}

    /// In the order asked for; archived ones are left out.
    net::awaitable<ProductPage> list(ProductQuery query, net::Deadline deadline);
    /// By name, at most categories_max; those of archived products alone are left out.
    net::awaitable<std::vector<Category>> categories(net::Deadline deadline);
    net::awaitable<std::optional<Product>> find(base::Uuid id, net::Deadline deadline);

    struct Created {
        bool fresh = false;  ///< false: an earlier call with this key made it
        base::Uuid id;
    };
    enum class CreateRefusal { key_reused };
    net::awaitable<std::expected<Created, CreateRefusal>> create(
        base::Uuid id,
        NewProduct product,
        std::string actor,
        std::optional<std::string> key,
        net::Deadline deadline
    );

    struct ChangeRefusal {
        enum class Reason { unknown, version_differs, precondition_failed };
        Reason reason;
        std::int64_t version = 0;  ///< the product's now
    };
    net::awaitable<std::expected<Product, ChangeRefusal>> change(
        base::Uuid id, ProductChange change, net::Deadline deadline
    );

  private:
    postgres::Pool& pool_;
};

}  // namespace product
