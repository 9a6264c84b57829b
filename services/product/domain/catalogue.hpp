#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.hpp"
#include "product/domain/field_problem.hpp"

namespace product {

inline constexpr std::size_t name_characters_max = 200;
inline constexpr std::size_t description_characters_max = 10000;
inline constexpr std::size_t category_characters_max = 64;
inline constexpr std::size_t image_bytes_max = 2048;
inline constexpr std::size_t reason_characters_max = 200;
inline constexpr std::size_t search_characters_max = 200;
inline constexpr std::int64_t price_cents_max = 100'000'000'000;
/// Of one movement; leaves sums far from the end of 64 bits.
inline constexpr std::int64_t quantity_max = 1'000'000'000;
inline constexpr std::int64_t page_size_default = 20;
inline constexpr std::int64_t page_size_max = 100;
inline constexpr std::int64_t categories_max = 1000;

struct Product {
    base::Uuid id;
    std::string name;
    std::string description;
    std::string category;
    std::int64_t price_cents = 0;
    std::string currency;
    std::string image;
    bool archived = false;
    std::int64_t stock = 0;     ///< on hand, those set aside included
    std::int64_t reserved = 0;  ///< set aside
    std::int64_t version = 0;
    std::int64_t created_at_ms = 0;
    std::int64_t updated_at_ms = 0;

    std::int64_t available() const { return stock - reserved; }
};

struct NewProduct {
    std::string name;
    std::string description;
    std::string category;
    std::int64_t price_cents = 0;
    std::string currency;
    std::string image;
    std::int64_t initial_stock = 0;
};

/// What is empty stays as it is.
struct ProductChange {
    std::optional<std::string> name;
    std::optional<std::string> description;
    std::optional<std::string> category;
    std::optional<std::int64_t> price_cents;
    std::optional<std::string> image;
    std::optional<bool> archived;
    /// The version the caller has seen; another one now refuses the change.
    std::optional<std::int64_t> version;
    /// As `version`: it must be one of these, unless there are none.
    std::vector<std::int64_t> versions_matched;
};

/// An https:// address, or a path below /images/ that the shop's own front serves; or nothing. What
/// a browser would run or read from its user's machine (javascript:, data:, file:) is none.
bool is_image_reference(std::string_view text);

/// `relevance` for searches only.
enum class Sort { newest, price_asc, price_desc, name, relevance };

std::string_view to_string(Sort sort);
std::optional<Sort> parse_sort(std::string_view text);

/// Where a product stands in a list: what the list is sorted by, and among equals the id. It stays
/// where it is when products before it come, go or change.
struct Position {
    std::int64_t number = 0;  ///< price, or relevance in millionths
    std::string text;         ///< the folded name
    base::Uuid id;

    bool operator==(const Position&) const = default;
};

/// The position before the first product of a list.
Position first_position(Sort sort);

struct ProductQuery {
    std::optional<std::string> search;
    std::optional<std::string> category;
    Sort sort = Sort::newest;
    std::optional<Position> after;  ///< of the last product of the page before
    std::int64_t limit = page_size_default;
};

struct ProductPage {
    std::vector<Product> products;
    std::optional<Position> next;  ///< none: it is the last page
};

struct Category {
    std::string name;
    std::int64_t products = 0;  ///< archived ones are not counted
};

/// Every field that is wrong, for those who can be told of more than one.
std::vector<FieldProblem> problems_of(const NewProduct& product);
std::expected<void, FieldProblem> check(const NewProduct& product);
std::expected<void, FieldProblem> check(const ProductChange& change);
std::expected<void, FieldProblem> check(const ProductQuery& query);
/// Not zero; negative takes units back. The reason is for people: "damaged", "counted".
std::expected<void, FieldProblem> check_restock(
    std::int64_t quantity, const std::optional<std::string>& reason
);

}  // namespace product
