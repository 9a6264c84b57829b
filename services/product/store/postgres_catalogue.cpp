#include "product/store/postgres_catalogue.hpp"

#include <algorithm>

namespace product {
namespace {

#define PRODUCT_COLUMNS                                                                          \
    "id, name, description, category, price_cents, currency, image, archived, stock, reserved, " \
    "version, created_at, updated_at"

// The inner LIMIT, the longest page and one more, is what the planner reckons with when it does not
// know $2: so that it walks the order's index and never sorts the table (100,000 products: 0.1 ms).
// Each order is one comparison below a position: an OR would read every page before it.
#define LISTED(where, order)                                       \
    "SELECT " PRODUCT_COLUMNS                                      \
    ", 0::bigint, name_order FROM (SELECT * FROM product.products" \
    " WHERE NOT archived AND " where " ORDER BY " order " LIMIT 101) AS page LIMIT $1"

struct Listing {
    postgres::Statement all;
    postgres::Statement of_category;
};

constexpr Listing list_newest{
    {"list_newest", LISTED("id < $2", "id DESC")},
    {"list_newest_of_category", LISTED("category = $3 AND id < $2", "id DESC")}
};

constexpr Listing list_by_price{
    {"list_by_price", LISTED("(price_cents, id) > ($3, $2)", "price_cents, id")},
    {"list_by_price_of_category",
     LISTED("category = $4 AND (price_cents, id) > ($3, $2)", "price_cents, id")}
};

constexpr Listing list_by_price_down{
    {"list_by_price_down", LISTED("(price_cents, id) < ($3, $2)", "price_cents DESC, id DESC")},
    {"list_by_price_down_of_category",
     LISTED("category = $4 AND (price_cents, id) < ($3, $2)", "price_cents DESC, id DESC")}
};

constexpr Listing list_by_name{
    {"list_by_name", LISTED("(name_order, id) > ($3, $2)", "name_order, id")},
    {"list_by_name_of_category",
     LISTED("category = $4 AND (name_order, id) > ($3, $2)", "name_order, id")}
};

constexpr postgres::Statement search_products{
    "search_products",
    "SELECT " PRODUCT_COLUMNS
    ", rank, name_order"
    " FROM product.search_products_v1($2, $3, $4, $5, $6, $7, $1) WITH ORDINALITY"
    "      AS found (found_id, rank, place)"
    " JOIN product.products ON id = found_id ORDER BY place"
};

constexpr postgres::Statement list_categories{
    "list_categories",
    "SELECT category, count(*) FROM product.products WHERE NOT archived"
    " GROUP BY category ORDER BY category COLLATE \"C\" LIMIT $1"
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
    " WHERE id = $1 AND ($8::bigint IS NULL OR version = $8)"
    " AND (cardinality($9::bigint[]) = 0 OR version = ANY ($9)) RETURNING " PRODUCT_COLUMNS
};

#undef LISTED
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

const Listing& listing_of(Sort sort) {
    switch (sort) {
        case Sort::price_asc:
            return list_by_price;
        case Sort::price_desc:
            return list_by_price_down;
        case Sort::name:
            return list_by_name;
        case Sort::newest:
        case Sort::relevance:
            break;
    }
    return list_newest;
}

/// The limit is one more than the page's, which tells whether it is the last one.
postgres::Parameters parameters_of(const ProductQuery& query, const Position& after) {
    postgres::Parameters parameters;
    parameters.int8(query.limit + 1);
    if (query.search) {
        parameters.text(*query.search)
            .optional_text(query.category)
            .text(to_string(query.sort))
            .int8(after.number)
            .text(after.text)
            .uuid(after.id);
        return parameters;
    }
    parameters.uuid(after.id);
    if (query.sort == Sort::name) {
        parameters.text(after.text);
    } else if (query.sort != Sort::newest) {
        parameters.int8(after.number);
    }
    if (query.category) parameters.text(*query.category);
    return parameters;
}

Position read_position(const postgres::Result& rows, std::size_t row, Sort sort) {
    Position position;
    position.id = rows.uuid(row, 0);
    if (sort == Sort::price_asc || sort == Sort::price_desc) position.number = rows.integer(row, 4);
    if (sort == Sort::relevance) position.number = rows.integer(row, 13);
    if (sort == Sort::name) position.text = rows.text(row, 14);
    return position;
}

}  // namespace

net::awaitable<ProductPage> PostgresCatalogue::list(ProductQuery query, net::Deadline deadline) {
    const Position after = query.after.value_or(first_position(query.sort));
    const Listing& listing = listing_of(query.sort);
    const postgres::Statement& statement = query.search     ? search_products
                                           : query.category ? listing.of_category
                                                            : listing.all;
    const auto parameters = parameters_of(query, after);
    const auto rows = co_await pool_.query(statement, parameters, deadline);
    const auto shown = std::min(rows.rows(), static_cast<std::size_t>(query.limit));
    ProductPage page;
    page.products.reserve(shown);
    for (std::size_t row = 0; row < shown; ++row) page.products.push_back(read_product(rows, row));
    if (rows.rows() > shown) page.next = read_position(rows, shown - 1, query.sort);
    co_return page;
}

net::awaitable<std::vector<Category>> PostgresCatalogue::categories(net::Deadline deadline) {
    postgres::Parameters parameters;
    parameters.int8(categories_max);
    const auto rows = co_await pool_.query(list_categories, parameters, deadline);
    std::vector<Category> categories;
    categories.reserve(rows.rows());
    for (std::size_t row = 0; row < rows.rows(); ++row) {
        categories.push_back({std::string(rows.text(row, 0)), rows.integer(row, 1)});
    }
    co_return categories;
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
        .optional_int8(change.version)
        .int8_array(change.versions_matched);
    const auto rows = co_await pool_.query(change_product, parameters, deadline);
    if (!rows.empty()) co_return read_product(rows, 0);
    const auto known = co_await find(id, deadline);
    if (!known) co_return std::unexpected(ChangeRefusal{ChangeRefusal::Reason::unknown, 0});
    const bool by_body = change.version && *change.version != known->version;
    co_return std::unexpected(ChangeRefusal{
        by_body ? ChangeRefusal::Reason::version_differs
                : ChangeRefusal::Reason::precondition_failed,
        known->version
    });
}

}  // namespace product
