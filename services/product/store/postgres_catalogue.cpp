#include "product/store/postgres_catalogue.hpp"

namespace product {
namespace {

#define PRODUCT_COLUMNS                                                                          \
    "id, name, description, category, price_cents, currency, image, archived, stock, reserved, " \
    "version, created_at, updated_at"

// One comparison, not "no cursor or below it": a prepared plan would read every page before this.
#define BELOW_THE_CURSOR "id < coalesce($1::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')"

constexpr postgres::Statement list_products{
    "list_products",
    "SELECT " PRODUCT_COLUMNS " FROM product.products WHERE NOT archived AND " BELOW_THE_CURSOR
    " ORDER BY id DESC LIMIT $2"
};

constexpr postgres::Statement list_products_of_category{
    "list_products_of_category",
    "SELECT " PRODUCT_COLUMNS
    " FROM product.products WHERE NOT archived AND category = $3 AND " BELOW_THE_CURSOR
    " ORDER BY id DESC LIMIT $2"
};

constexpr postgres::Statement search_products{
    "search_products",
    "SELECT " PRODUCT_COLUMNS
    " FROM product.products WHERE NOT archived AND search @@ websearch_to_tsquery('simple', $4)"
    " AND ($3::text IS NULL OR category = $3) AND " BELOW_THE_CURSOR " ORDER BY id DESC LIMIT $2"
};

constexpr postgres::Statement find_product{
    "find_product", "SELECT " PRODUCT_COLUMNS " FROM product.products WHERE id = $1"
};

constexpr postgres::Statement create_product{
    "create_product",
    "SELECT outcome, product_id"
    " FROM product.create_product_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
};

// No row: the product is unknown, or its version is another one.
constexpr postgres::Statement change_product{
    "change_product",
    "UPDATE product.products SET name = coalesce($2, name),"
    " description = coalesce($3, description), category = coalesce($4, category),"
    " price_cents = coalesce($5, price_cents), image = coalesce($6, image),"
    " archived = coalesce($7, archived), version = version + 1, updated_at = clock_timestamp()"
    " WHERE id = $1 AND ($8::bigint IS NULL OR version = $8) RETURNING " PRODUCT_COLUMNS
};

#undef BELOW_THE_CURSOR
#undef PRODUCT_COLUMNS

Product read_product(const postgres::Result& rows, std::size_t row) {
    Product product;
    product.id = rows.uuid(row, 0);
    product.name = rows.text(row, 1);
    product.description = rows.text(row, 2);
    product.category = rows.text(row, 3);
    product.price_cents = rows.integer(row, 4);
    product.currency = rows.text(row, 5);
    product.image = rows.text(row, 6);
    product.archived = rows.boolean(row, 7);
    product.stock = rows.integer(row, 8);
    product.reserved = rows.integer(row, 9);
    product.version = rows.integer(row, 10);
    product.created_at_ms = rows.timestamp_ms(row, 11);
    product.updated_at_ms = rows.timestamp_ms(row, 12);
    return product;
}

const postgres::Statement& statement_of(const ProductQuery& query) {
    if (query.search) return search_products;
    return query.category ? list_products_of_category : list_products;
}

}  // namespace

net::awaitable<std::vector<Product>> PostgresCatalogue::list(
    ProductQuery query, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.optional_uuid(query.after).int8(query.limit);
    if (query.search || query.category) parameters.optional_text(query.category);
    if (query.search) parameters.text(*query.search);
    const auto rows = co_await pool_.query(statement_of(query), parameters, deadline);
    std::vector<Product> products;
    products.reserve(rows.rows());
    for (std::size_t row = 0; row < rows.rows(); ++row) {
        products.push_back(read_product(rows, row));
    }
    co_return products;
}

net::awaitable<std::optional<Product>> PostgresCatalogue::find(
    base::Uuid id, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.uuid(id);
    const auto rows = co_await pool_.query(find_product, parameters, deadline);
    if (rows.empty()) co_return std::nullopt;
    co_return read_product(rows, 0);
}

net::awaitable<std::expected<PostgresCatalogue::Created, PostgresCatalogue::CreateRefusal>>
PostgresCatalogue::create(
    base::Uuid id,
    NewProduct product,
    std::string actor,
    std::optional<std::string> key,
    net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.uuid(id)
        .text(product.name)
        .text(product.description)
        .text(product.category)
        .int8(product.price_cents)
        .text(product.currency)
        .text(product.image)
        .int8(product.initial_stock)
        .text(actor)
        .optional_text(key);
    const auto row = co_await pool_.query(create_product, parameters, deadline);
    const auto outcome = row.text(0, 0);
    if (outcome == "key_reused") co_return std::unexpected(CreateRefusal::key_reused);
    co_return Created{outcome == "created", row.uuid(0, 1)};
}

net::awaitable<std::expected<Product, PostgresCatalogue::ChangeRefusal>> PostgresCatalogue::change(
    base::Uuid id, ProductChange change, net::Deadline deadline
) {
    postgres::Parameters parameters;
    parameters.uuid(id)
        .optional_text(change.name)
        .optional_text(change.description)
        .optional_text(change.category)
        .optional_int8(change.price_cents)
        .optional_text(change.image)
        .optional_boolean(change.archived)
        .optional_int8(change.version);
    const auto rows = co_await pool_.query(change_product, parameters, deadline);
    if (!rows.empty()) co_return read_product(rows, 0);
    const auto known = co_await find(id, deadline);
    co_return std::unexpected(known ? ChangeRefusal::version_differs : ChangeRefusal::unknown);
}

}  // namespace product
