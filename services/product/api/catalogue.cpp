#include "product/api/catalogue.hpp"

#include "base/timestamp.hpp"
#include "json/decode.hpp"
#include "json/encode.hpp"
#include "product/api/error_response.hpp"
#include "product/api/messages.hpp"
#include "product/api/product_body.hpp"
#include "product/api/product_tag.hpp"
#include "product/domain/text_rules.hpp"

namespace product::api {
namespace {

http::Response product_response(int status, const Product& product) {
    auto response = http::json_response(status, json::encode(to_body(product)));
    response.headers.add("ETag", product_tag(product));
    response.headers.add("Cache-Control", "no-cache");
    return response;
}

std::optional<base::Uuid> id_of(const http::Request& request) {
    return base::Uuid::parse(request.path_parameter("id"));
}

std::string actor_of(const token::Claims& claims) {
    return "admin:" + claims.account_id.to_string();
}

NewProduct new_product_of(const CreateProductBody& body) {
    NewProduct product;
    product.name = body.name;
    product.description = body.description.value_or("");
    product.category = body.category;
    product.price_cents = body.price_cents;
    product.currency = body.currency;
    product.image = body.image.value_or("");
    product.initial_stock = body.initial_stock.value_or(0);
    return product;
}

}  // namespace

net::awaitable<http::Response> get_product(Parts& parts, http::Request& request) {
    const auto id = id_of(request);
    if (!id) co_return product_unknown();
    const auto product = co_await parts.catalogue.find(*id, request.deadline);
    if (!product) co_return product_unknown();
    co_return product_response(200, *product);
}

net::awaitable<http::Response> create_product(Parts& parts, http::Request& request) {
    const auto claims = parts.access.admin(request);
    if (!claims) co_return http::to_response(claims.error());
    std::optional<std::string> key;
    if (const auto given = request.headers.get("Idempotency-Key")) {
        if (!is_key(*given)) co_return key_response();
        key = *given;
    }
    const auto body = json::decode<CreateProductBody>(request.body);
    if (!body) co_return body_response(body.error());
    const NewProduct product = new_product_of(*body);
    if (const auto checked = check(product); !checked) co_return field_response(checked.error());
    const base::Uuid id = parts.ids.next(base::unix_now_ms());
    const auto created =
        co_await parts.catalogue.create(id, product, actor_of(*claims), key, request.deadline);
    if (!created) co_return key_reused();
    parts.pages.forget();
    parts.categories.forget();
    const auto found = co_await parts.catalogue.find(created->id, request.deadline);
    if (!found) co_return product_unknown();
    co_return product_response(created->fresh ? 201 : 200, *found);
}

net::awaitable<http::Response> change_product(Parts& parts, http::Request& request) {
    const auto claims = parts.access.admin(request);
    if (!claims) co_return http::to_response(claims.error());
    const auto id = id_of(request);
    if (!id) co_return product_unknown();
    const auto body = json::decode<ChangeProductBody>(request.body);
    if (!body) co_return body_response(body.error());
    ProductChange change{
        body->name,
        body->description,
        body->category,
        body->price_cents,
        body->image,
        body->archived,
        body->version,
        {}
    };
    if (const auto condition = request.headers.get("If-Match")) {
        auto versions = versions_of(*condition);
        if (!versions) co_return field_response(versions.error());
        change.versions_matched = std::move(*versions);
    }
    if (const auto checked = check(change); !checked) co_return field_response(checked.error());
    const auto changed = co_await parts.catalogue.change(*id, change, request.deadline);
    if (!changed) co_return refusal_response(changed.error());
    parts.pages.forget();
    if (change.category || change.archived) parts.categories.forget();
    co_return product_response(200, *changed);
}

net::awaitable<http::Response> restock_product(Parts& parts, http::Request& request) {
    const auto claims = parts.access.admin(request);
    if (!claims) co_return http::to_response(claims.error());
    const auto key = request.headers.get("Idempotency-Key");
    if (!key || !is_key(*key)) co_return key_response();
    const auto id = id_of(request);
    if (!id) co_return product_unknown();
    const auto body = json::decode<RestockBody>(request.body);
    if (!body) co_return body_response(body.error());
    if (const auto checked = check_restock(body->quantity, body->reason); !checked) {
        co_return field_response(checked.error());
    }
    const auto restocked = co_await parts.stock.restock(
        *id, body->quantity, body->reason, actor_of(*claims), std::string(*key), request.deadline
    );
    if (!restocked) co_return refusal_response(restocked.error());
    parts.pages.forget();
    const StockLevel level = restocked->value;
    const RestockedBody answer{
        *id, body->quantity, body->reason, level.stock, level.reserved, level.stock - level.reserved
    };
    co_return http::json_response(restocked->fresh ? 201 : 200, json::encode(answer));
}

}  // namespace product::api
