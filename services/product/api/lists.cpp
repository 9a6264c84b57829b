#include "product/api/lists.hpp"

#include <fmt/format.h>

#include "base/whole_number.hpp"
#include "http/conditional.hpp"
#include "json/encode.hpp"
#include "product/api/error_response.hpp"
#include "product/api/messages.hpp"
#include "product/api/product_body.hpp"

namespace product::api {
namespace {

std::expected<ProductQuery, FieldProblem> query_of(
    const http::Request& request, const Cursors& cursors
) {
    ProductQuery query;
    query.search = request.query_parameter("q");
    query.category = request.query_parameter("category");
    query.sort = query.search ? Sort::relevance : Sort::newest;
    if (const auto text = request.query_parameter("sort")) {
        const auto sort = parse_sort(*text);
        if (!sort) {
            return std::unexpected(FieldProblem{
                "query sort", "Must be newest, price_asc, price_desc, name or relevance."
            });
        }
        query.sort = *sort;
    }
    if (const auto text = request.query_parameter("limit")) {
        query.limit = base::whole_number<std::int64_t>(*text).value_or(0);
    }
    if (const auto checked = check(query); !checked) return std::unexpected(checked.error());
    if (const auto text = request.query_parameter("cursor")) {
        query.after = cursors.read(query, *text);
        if (!query.after) {
            return std::unexpected(FieldProblem{
                "query cursor",
                "Must be the next_cursor of the page before, with the same q, category and sort."
            });
        }
    }
    return query;
}

/// With a strong tag of its bytes. An answer to an admin must not be given to anybody else.
http::Response list_response(std::string body, bool for_admin) {
    std::string tag = http::tag_of(body);
    auto response = http::json_response(200, std::move(body));
    response.headers.add("ETag", std::move(tag));
    response.headers.add("Cache-Control", for_admin ? "private, no-cache" : "public, max-age=1");
    return response;
}

net::awaitable<http::Response> make_products(
    Parts& parts, ProductQuery query, net::Deadline deadline, bool for_admin
) {
    const auto page = co_await parts.catalogue.list(query, deadline);
    ProductListBody body;
    body.products.reserve(page.products.size());
    for (const Product& product : page.products) body.products.push_back(to_body(product));
    if (page.next) body.next_cursor = parts.cursors.write(query, *page.next);
    co_return list_response(json::encode(body), for_admin);
}

net::awaitable<http::Response> make_categories(
    Parts& parts, net::Deadline deadline, bool for_admin
) {
    const auto categories = co_await parts.catalogue.categories(deadline);
    CategoryListBody body;
    for (const Category& category : categories) {
        body.categories.push_back({category.name, category.products});
    }
    co_return list_response(json::encode(body), for_admin);
}

/// Texts come with their lengths, so that two queries never have one name.
std::string name_of(const ProductQuery& query, const std::optional<std::string>& cursor) {
    const auto part = [](const std::optional<std::string>& text) {
        return text ? fmt::format("{}:{}", text->size(), *text) : std::string("-");
    };
    return fmt::format(
        "products {} {} {} {} {}",
        to_string(query.sort),
        query.limit,
        part(query.search),
        part(query.category),
        part(cursor)
    );
}

bool is_admin(Parts& parts, const http::Request& request) {
    return request.headers.get("Authorization") && parts.access.admin(request).has_value();
}

}  // namespace

net::awaitable<http::Response> list_products(Parts& parts, http::Request& request) {
    const auto query = query_of(request, parts.cursors);
    if (!query) co_return field_response(query.error());
    const net::Deadline deadline = request.deadline;
    if (is_admin(parts, request)) {
        co_return co_await make_products(parts, *query, deadline, true);
    }
    PageCache::Make make = [&parts, &query, deadline] {
        return make_products(parts, *query, deadline, false);
    };
    std::string name = name_of(*query, request.query_parameter("cursor"));
    co_return co_await parts.pages.get(std::move(name), std::move(make), deadline);
}

net::awaitable<http::Response> list_categories(Parts& parts, http::Request& request) {
    const net::Deadline deadline = request.deadline;
    if (is_admin(parts, request)) {
        co_return co_await make_categories(parts, deadline, true);
    }
    PageCache::Make make = [&parts, deadline] { return make_categories(parts, deadline, false); };
    co_return co_await parts.categories.get("categories", std::move(make), deadline);
}

}  // namespace product::api
