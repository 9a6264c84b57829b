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
    product.image = std::string(2049, 'x');
    EXPECT_EQ(field_of(product), "image");
    product = lamp();
    product.initial_stock = -1;
    EXPECT_EQ(field_of(product), "initial_stock");
    product.initial_stock = quantity_max + 1;
    EXPECT_EQ(field_of(product), "initial_stock");
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
}

TEST(CatalogueRules, RestocksMoveSomething) {
    EXPECT_FALSE(check_restock(0).has_value());
    EXPECT_TRUE(check_restock(-quantity_max).has_value());
    EXPECT_FALSE(check_restock(-quantity_max - 1).has_value());
    EXPECT_FALSE(check_restock(quantity_max + 1).has_value());
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
