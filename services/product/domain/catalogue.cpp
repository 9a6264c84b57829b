#include "product/domain/catalogue.hpp"

#include "product/domain/text_rules.hpp"

namespace product {
namespace {

using Checked = std::expected<void, FieldProblem>;

Checked refuse(std::string field, std::string detail) {
    return std::unexpected(FieldProblem{std::move(field), std::move(detail)});
}

Checked check_name(const std::string& name) {
    if (name.empty() || !is_plain_text(name) || characters_in(name) > name_characters_max) {
        return refuse("name", "Must be 1 to 200 characters without control characters.");
    }
    return {};
}

Checked check_description(const std::string& description) {
    if (!is_plain_text(description, true) ||
        characters_in(description) > description_characters_max) {
        return refuse("description", "Must be at most 10000 characters of text.");
    }
    return {};
}

Checked check_category(const std::string& category) {
    if (category.empty() || !is_plain_text(category) ||
        characters_in(category) > category_characters_max) {
        return refuse("category", "Must be 1 to 64 characters without control characters.");
    }
    return {};
}

Checked check_price(std::int64_t price_cents) {
    if (price_cents < 0 || price_cents > price_cents_max) {
        return refuse("price_cents", "Must be 0 to 100000000000, in minor units.");
    }
    return {};
}

Checked check_image(const std::string& image) {
    if (!is_plain_text(image) || image.size() > image_bytes_max) {
        return refuse("image", "Must be at most 2048 bytes without control characters.");
    }
    return {};
}

}  // namespace

Checked check(const NewProduct& product) {
    if (auto checked = check_name(product.name); !checked) return checked;
    if (auto checked = check_description(product.description); !checked) return checked;
    if (auto checked = check_category(product.category); !checked) return checked;
    if (auto checked = check_price(product.price_cents); !checked) return checked;
    if (!is_currency(product.currency)) {
        return refuse("currency", "Must be three capital letters (ISO 4217).");
    }
    if (auto checked = check_image(product.image); !checked) return checked;
    if (product.initial_stock < 0 || product.initial_stock > quantity_max) {
        return refuse("initial_stock", "Must be 0 to 1000000000.");
    }
    return {};
}

Checked check(const ProductChange& change) {
    const bool changes = change.name || change.description || change.category ||
                         change.price_cents || change.image || change.archived;
    if (!changes) return refuse("", "Name at least one member to change.");
    Checked checked;
    if (change.name) checked = check_name(*change.name);
    if (checked && change.description) checked = check_description(*change.description);
    if (checked && change.category) checked = check_category(*change.category);
    if (checked && change.price_cents) checked = check_price(*change.price_cents);
    if (checked && change.image) checked = check_image(*change.image);
    return checked;
}

Checked check(const ProductQuery& query) {
    if (query.limit < 1 || query.limit > page_size_max) {
        return refuse("query limit", "Must be 1 to 100.");
    }
    const auto fits = [](const std::string& text, std::size_t characters_max) {
        return !text.empty() && is_plain_text(text) && characters_in(text) <= characters_max;
    };
    if (query.search && !fits(*query.search, search_characters_max)) {
        return refuse("query q", "Must be 1 to 200 characters of UTF-8.");
    }
    if (query.category && !fits(*query.category, category_characters_max)) {
        return refuse("query category", "Must be 1 to 64 characters of UTF-8.");
    }
    return {};
}

Checked check_restock(std::int64_t quantity) {
    if (quantity == 0 || quantity > quantity_max || quantity < -quantity_max) {
        return refuse("quantity", "Must be -1000000000 to 1000000000, but not 0.");
    }
    return {};
}

}  // namespace product
