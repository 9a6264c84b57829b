#include "product/domain/catalogue.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

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
    if (!is_image_reference(image)) {
        return refuse(
            "image", "Must be an https:// address or a path below /images/, at most 2048 bytes."
        );
    }
    return {};
}

constexpr std::array<std::pair<Sort, std::string_view>, 5> sorts{{
    {Sort::newest, "newest"},
    {Sort::price_asc, "price_asc"},
    {Sort::price_desc, "price_desc"},
    {Sort::name, "name"},
    {Sort::relevance, "relevance"},
}};

bool begins_with(std::string_view text, std::string_view begin) {
    return text.substr(0, begin.size()) == begin;
}

}  // namespace

std::string_view to_string(Sort sort) {
    return sorts.at(static_cast<std::size_t>(sort)).second;
}

std::optional<Sort> parse_sort(std::string_view text) {
    for (const auto& [sort, name] : sorts) {
        if (name == text) return sort;
    }
    return std::nullopt;
}

Position first_position(Sort sort) {
    // Ascending orders begin below every price, name and id, descending ones above.
    if (sort == Sort::price_asc || sort == Sort::name) return {-1, "", base::Uuid{}};
    base::Uuid highest;
    highest.bytes.fill(0xFF);
    return {std::numeric_limits<std::int64_t>::max(), "", highest};
}

bool is_image_reference(std::string_view text) {
    if (text.empty()) return true;
    // A URL has no blanks, quotes, angle brackets or backslashes (RFC 3986), so what passes can
    // stand in a page's attribute.
    const auto fits = [](char character) {
        return character > ' ' && character < '\x7F' &&
               std::string_view("\"'<>\\^`{|}").find(character) == std::string_view::npos;
    };
    if (text.size() > image_bytes_max || !std::all_of(text.begin(), text.end(), fits)) return false;
    constexpr std::string_view https = "https://";
    if (begins_with(text, https)) {
        const std::string_view rest = text.substr(https.size());
        const std::string_view host = rest.substr(0, rest.find_first_of("/?#"));
        return !host.empty() && host.front() != ':' && host.find('@') == std::string_view::npos;
    }
    constexpr std::string_view folder = "/images/";
    return begins_with(text, folder) && text.size() > folder.size() &&
           text.find("/../") == std::string_view::npos && !text.ends_with("/..");
}

std::vector<FieldProblem> problems_of(const NewProduct& product) {
    std::vector<FieldProblem> problems;
    const auto add = [&](const Checked& checked) {
        if (!checked) problems.push_back(checked.error());
    };
    add(check_name(product.name));
    add(check_description(product.description));
    add(check_category(product.category));
    add(check_price(product.price_cents));
    if (!is_currency(product.currency)) {
        add(refuse("currency", "Must be three capital letters (ISO 4217)."));
    }
    add(check_image(product.image));
    if (product.initial_stock < 0 || product.initial_stock > quantity_max) {
        add(refuse("initial_stock", "Must be 0 to 1000000000."));
    }
    return problems;
}

Checked check(const NewProduct& product) {
    const auto problems = problems_of(product);
    if (problems.empty()) return {};
    return std::unexpected(problems.front());
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
    if (query.sort == Sort::relevance && !query.search) {
        return refuse("query sort", "Sorting by relevance needs a search: q.");
    }
    if (query.search && !fits(*query.search, search_characters_max)) {
        return refuse("query q", "Must be 1 to 200 characters of UTF-8.");
    }
    if (query.category && !fits(*query.category, category_characters_max)) {
        return refuse("query category", "Must be 1 to 64 characters of UTF-8.");
    }
    return {};
}

Checked check_restock(std::int64_t quantity, const std::optional<std::string>& reason) {
    if (quantity == 0 || quantity > quantity_max || quantity < -quantity_max) {
        return refuse("quantity", "Must be -1000000000 to 1000000000, but not 0.");
    }
    if (reason && (reason->empty() || !is_plain_text(*reason) ||
                   characters_in(*reason) > reason_characters_max)) {
        return refuse("reason", "Must be 1 to 200 characters without control characters.");
    }
    return {};
}

}  // namespace product
