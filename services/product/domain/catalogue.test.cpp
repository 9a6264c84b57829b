#include "product/domain/catalogue.hpp"

#include <gtest/gtest.h>

#include "product/domain/text_rules.hpp"

namespace product {
namespace {

NewProduct lamp() {
    NewProduct product;
    product.name = "lamp";
    product.category = "light";
    product.price_cents = 1999;
    product.currency = "EUR";
    return product;
}

template <class Subject>
std::string field_of(const Subject& subject) {
    const auto checked = check(subject);
    return checked.has_value() ? "none" : checked.error().field;
}

TEST(CatalogueRules, NameTheFieldThatIsWrong) {
    EXPECT_EQ(field_of(lamp()), "none");
    auto product = lamp();
    product.name = "";
    EXPECT_EQ(field_of(product), "name");
    product.name = std::string(201, 'x');
    EXPECT_EQ(field_of(product), "name");
    product.name = std::string("a\0b", 3);
    EXPECT_EQ(field_of(product), "name");
    product = lamp();
    product.description = "line\nline";
    EXPECT_EQ(field_of(product), "none");
    product.description = "\x1b[31m";
    EXPECT_EQ(field_of(product), "description");
    product = lamp();
    product.category = "";
    EXPECT_EQ(field_of(product), "category");
    product = lamp();
    product.price_cents = -1;
    EXPECT_EQ(field_of(product), "price_cents");
    product = lamp();
    product.currency = "eur";
    EXPECT_EQ(field_of(product), "currency");
    product = lamp();
    product.image = "javascript:alert(1)";
    EXPECT_EQ(field_of(product), "image");
    product = lamp();
    product.initial_stock = -1;
    EXPECT_EQ(field_of(product), "initial_stock");
    product.initial_stock = quantity_max + 1;
    EXPECT_EQ(field_of(product), "initial_stock");
}

TEST(CatalogueRules, KnowEveryFieldThatIsWrong) {
    EXPECT_TRUE(problems_of(lamp()).empty());
    NewProduct product;
    product.price_cents = -1;
    product.image = "x";
    product.initial_stock = -1;
    std::string fields;
    for (const auto& problem : problems_of(product)) fields += problem.field + " ";
    EXPECT_EQ(fields, "name category price_cents currency image initial_stock ");
}

TEST(CatalogueRules, CountCharactersNotBytes) {
    auto product = lamp();
    product.name.clear();
    for (int index = 0; index < 200; ++index) product.name += "ö";
    EXPECT_EQ(field_of(product), "none");
    product.name += "ö";
    EXPECT_EQ(field_of(product), "name");
}

TEST(CatalogueRules, AChangeMustChangeSomething) {
    ProductChange change;
    EXPECT_FALSE(check(change).has_value());
    change.version = 3;
    EXPECT_FALSE(check(change).has_value());
    change.archived = true;
    EXPECT_TRUE(check(change).has_value());
    change.price_cents = -1;
    EXPECT_EQ(field_of(change), "price_cents");
    change.name = "";
    EXPECT_EQ(field_of(change), "name");
}

TEST(CatalogueRules, QueriesAreBounded) {
    ProductQuery query;
    EXPECT_EQ(field_of(query), "none");
    query.limit = 0;
    EXPECT_EQ(field_of(query), "query limit");
    query.limit = 101;
    EXPECT_EQ(field_of(query), "query limit");
    query.limit = 100;
    query.search = "\xff";
    EXPECT_EQ(field_of(query), "query q");
    query.search.reset();
    query.category = "";
    EXPECT_EQ(field_of(query), "query category");
    query.category.reset();
    query.sort = Sort::relevance;
    EXPECT_EQ(field_of(query), "query sort") << "relevant to what?";
    query.search = "lamp";
    EXPECT_EQ(field_of(query), "none");
}

TEST(CatalogueRules, SortsAreReadAsTheyAreWritten) {
    for (const auto sort :
         {Sort::newest, Sort::price_asc, Sort::price_desc, Sort::name, Sort::relevance}) {
        EXPECT_EQ(parse_sort(to_string(sort)), sort);
    }
    EXPECT_FALSE(parse_sort("price").has_value());
    EXPECT_FALSE(parse_sort("").has_value());
}

TEST(CatalogueRules, ImagesAreReferences) {
    for (const char* good :
         {"",
          "https://images.example.com/lamp.webp?width=640#a",
          "https://[2001:db8::1]/lamp.webp",
          "/images/lamp.webp",
          "/images/light/lamp..webp"}) {
        EXPECT_TRUE(is_image_reference(good)) << good;
    }
    for (const char* bad :
         {"lamp.webp",
          "http://example.com/lamp.webp",
          "HTTPS://example.com",
          "https://",
          "https:///lamp.webp",
          "https://user:secret@example.com/lamp.webp",
          "//example.com/lamp.webp",
          "javascript:alert(1)",
          "data:image/png;base64,AAAA",
          "file:///etc/passwd",
          "/images/",
          "/images/../admin",
          "/images/..",
          "/images/a b.webp",
          "/images/a\"onerror=x",
          "https://example.com/\xc3\xb6.webp"}) {
        EXPECT_FALSE(is_image_reference(bad)) << bad;
    }
    EXPECT_FALSE(is_image_reference("/images/" + std::string(image_bytes_max, 'x')));
}

TEST(CatalogueRules, RestocksMoveSomething) {
    EXPECT_FALSE(check_restock(0, std::nullopt).has_value());
    EXPECT_TRUE(check_restock(-quantity_max, std::nullopt).has_value());
    EXPECT_FALSE(check_restock(-quantity_max - 1, std::nullopt).has_value());
    EXPECT_FALSE(check_restock(quantity_max + 1, std::nullopt).has_value());
    EXPECT_TRUE(check_restock(-1, "damaged").has_value());
    EXPECT_EQ(check_restock(-1, "").error().field, "reason");
    EXPECT_EQ(check_restock(-1, "a\nb").error().field, "reason");
    EXPECT_EQ(check_restock(-1, std::string(201, 'x')).error().field, "reason");
}

TEST(TextRules, RefuseMalformedUtf8) {
    EXPECT_TRUE(is_plain_text("größe € 😀"));
    for (const char* text :
         {"\x80",
          "\xc0\xaf",
          "\xe0\x80\xaf",
          "\xed\xa0\x80",
          "\xf4\x90\x80\x80",
          "\xc3",
          "\xe2\x82",
          "\xf0\x9f\x98",
          "\xff"}) {
        EXPECT_FALSE(is_plain_text(text));
    }
    EXPECT_FALSE(is_plain_text("a\nb"));
    EXPECT_TRUE(is_plain_text("a\nb", true));
    EXPECT_FALSE(is_plain_text("\x7f", true));
}

TEST(TextRules, KeysAreVisibleAscii) {
    EXPECT_TRUE(is_key("a"));
    EXPECT_TRUE(is_key(std::string(128, '~')));
    EXPECT_FALSE(is_key(std::string(129, 'x')));
    EXPECT_FALSE(is_key(""));
    EXPECT_FALSE(is_key("a b"));
    EXPECT_FALSE(is_key("ö"));
}

}  // namespace
}  // namespace product
