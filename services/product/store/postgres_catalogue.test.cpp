#include "product/store/postgres_catalogue.hpp"

#include <gtest/gtest.h>

#include "product/store/test_shop.test.hpp"

namespace product {
namespace {

class Catalogue : public ::testing::Test {
  protected:
    static NewProduct lamp() {
        NewProduct product;
        product.name = "Desk lamp";
        product.description = "Bends, shines";
        product.category = "light";
        product.price_cents = 1999;
        product.currency = "EUR";
        product.image = "lamp.webp";
        product.initial_stock = 7;
        return product;
    }

    auto create(const NewProduct& product, std::optional<std::string> key = std::nullopt) {
        return shop_.run(catalogue_.create(
            shop_.new_id(), product, "admin:test", std::move(key), TestShop::soon()
        ));
    }

    std::vector<std::string> names(const ProductQuery& query) {
        std::vector<std::string> found;
        for (const auto& product : shop_.run(catalogue_.list(query, TestShop::soon()))) {
            found.push_back(product.name);
        }
        return found;
    }

    base::Uuid add(const std::string& name, const std::string& category) {
        NewProduct product = lamp();
        product.name = name;
        product.category = category;
        return create(product)->id;
    }

    TestShop shop_;
    PostgresCatalogue catalogue_{*shop_.room};
};

TEST_F(Catalogue, CreatesAndFinds) {
    const auto created = create(lamp());
    ASSERT_TRUE(created.has_value());
    EXPECT_TRUE(created->fresh);
    const auto found = shop_.run(catalogue_.find(created->id, TestShop::soon()));
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->name, "Desk lamp");
    EXPECT_EQ(found->description, "Bends, shines");
    EXPECT_EQ(found->price_cents, 1999);
    EXPECT_EQ(found->image, "lamp.webp");
    EXPECT_EQ(found->available(), 7);
    EXPECT_EQ(found->version, 1);
    EXPECT_FALSE(shop_.run(catalogue_.find(shop_.new_id(), TestShop::soon())).has_value());
    EXPECT_EQ(shop_.books_out_of_balance(), 0);
}

TEST_F(Catalogue, AKeyMakesOneProduct) {
    const auto created = create(lamp(), "key");
    const auto again = create(lamp(), "key");
    ASSERT_TRUE(again.has_value());
    EXPECT_FALSE(again->fresh);
    EXPECT_EQ(again->id, created->id);
    NewProduct other = lamp();
    other.initial_stock = 8;
    EXPECT_FALSE(create(other, "key").has_value());
    EXPECT_TRUE(create(lamp())->fresh);
    EXPECT_TRUE(create(lamp())->fresh) << "without a key every call makes one";
}

TEST_F(Catalogue, ListsNewestFirstInPages) {
    for (const char* name : {"a", "b", "c", "d", "e"}) add(name, "light");
    ProductQuery query;
    query.limit = 2;
    EXPECT_EQ(names(query), (std::vector<std::string>{"e", "d"}));
    query.after = shop_.run(catalogue_.list(query, TestShop::soon())).back().id;
    EXPECT_EQ(names(query), (std::vector<std::string>{"c", "b"}));
    query.after = shop_.run(catalogue_.list(query, TestShop::soon())).back().id;
    EXPECT_EQ(names(query), (std::vector<std::string>{"a"}));
}

TEST_F(Catalogue, SearchesByWordsAndCategory) {
    add("Red desk lamp", "light");
    add("Red chair", "seat");
    add("Blue chair", "seat");
    ProductQuery query;
    query.search = "RED";
    EXPECT_EQ(names(query), (std::vector<std::string>{"Red chair", "Red desk lamp"}));
    query.category = "light";
    EXPECT_EQ(names(query), (std::vector<std::string>{"Red desk lamp"}));
    query.search.reset();
    query.category = "seat";
    EXPECT_EQ(names(query), (std::vector<std::string>{"Blue chair", "Red chair"}));
    query.category.reset();
    // Whatever a customer types is words, never an error.
    for (const char* text : {"'", "a & | !", "\"", "%_\\", ":*", "red -chair"}) {
        query.search = text;
        EXPECT_NO_THROW(names(query)) << text;
    }
    query.search = "red -chair";
    EXPECT_EQ(names(query), (std::vector<std::string>{"Red desk lamp"}));
}

TEST_F(Catalogue, ChangesOnlyWhatIsNamed) {
    const auto id = create(lamp())->id;
    ProductChange change;
    change.price_cents = 2500;
    const auto changed = shop_.run(catalogue_.change(id, change, TestShop::soon()));
    ASSERT_TRUE(changed.has_value());
    EXPECT_EQ(changed->price_cents, 2500);
    EXPECT_EQ(changed->name, "Desk lamp");
    EXPECT_EQ(changed->version, 2);
    EXPECT_EQ(changed->stock, 7);

    change.version = 1;
    const auto stale = shop_.run(catalogue_.change(id, change, TestShop::soon()));
    ASSERT_FALSE(stale.has_value());
    EXPECT_EQ(stale.error(), PostgresCatalogue::ChangeRefusal::version_differs);
    const auto unknown = shop_.run(catalogue_.change(shop_.new_id(), change, TestShop::soon()));
    ASSERT_FALSE(unknown.has_value());
    EXPECT_EQ(unknown.error(), PostgresCatalogue::ChangeRefusal::unknown);
}

TEST_F(Catalogue, ArchivedProductsAreNotListed) {
    const auto id = add("old", "light");
    add("new", "light");
    ProductChange change;
    change.archived = true;
    ASSERT_TRUE(shop_.run(catalogue_.change(id, change, TestShop::soon())).has_value());
    EXPECT_EQ(names({}), (std::vector<std::string>{"new"}));
    EXPECT_TRUE(shop_.run(catalogue_.find(id, TestShop::soon()))->archived);
}

}  // namespace
}  // namespace product
