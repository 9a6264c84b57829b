#include "product/store/postgres_catalogue.hpp"

#include <algorithm>
#include <set>

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
        product.image = "/images/lamp.webp";
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
        for (const auto& product : page(query).products) found.push_back(product.name);
        return found;
    }

    ProductPage page(const ProductQuery& query) {
        return shop_.run(catalogue_.list(query, TestShop::soon()));
    }

    /// The names of all pages, as a customer who follows the cursors sees them; between two pages
    /// `meanwhile` is called with the number of pages seen.
    template <class Meanwhile>
    std::vector<std::string> follow(ProductQuery query, Meanwhile meanwhile) {
        std::vector<std::string> found;
        for (int pages = 1; pages < 100; ++pages) {
            const auto next = page(query);
            EXPECT_LE(next.products.size(), static_cast<std::size_t>(query.limit));
            for (const auto& product : next.products) found.push_back(product.name);
            if (!next.next) return found;
            query.after = next.next;
            meanwhile(pages);
        }
        ADD_FAILURE() << "the pages have no end";
        return found;
    }

    std::vector<std::string> follow(const ProductQuery& query) {
        return follow(query, [](int) {});
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
    EXPECT_EQ(found->image, "/images/lamp.webp");
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
    query.after = page(query).next;
    EXPECT_EQ(names(query), (std::vector<std::string>{"c", "b"}));
    query.after = page(query).next;
    EXPECT_EQ(names(query), (std::vector<std::string>{"a"}));
    EXPECT_FALSE(page(query).next.has_value());
    query.after.reset();
    query.limit = 5;
    EXPECT_FALSE(page(query).next.has_value()) << "a full page may be the last one";
}

TEST_F(Catalogue, ListsInEachOrder) {
    // Equal prices and names too, so that ids decide between pages.
    for (const auto& [name, price] : std::vector<std::pair<std::string, std::int64_t>>{
             {"Pan", 300},
             {"Öl kettle", 100},
             {"oven", 200},
             {"Ocean lamp", 200},
             {"Zebra", 200},
             {"pan", 0}
         }) {
        NewProduct product = lamp();
        product.name = name;
        product.price_cents = price;
        create(product);
    }
    ProductQuery query;
    using Names = std::vector<std::string>;
    for (const std::int64_t limit : {1, 2, 4, 100}) {
        query.limit = limit;
        for (const bool in_category : {false, true}) {
            query.category = in_category ? std::optional<std::string>("light") : std::nullopt;
            query.sort = Sort::newest;
            EXPECT_EQ(
                follow(query), (Names{"pan", "Zebra", "Ocean lamp", "oven", "Öl kettle", "Pan"})
            );
            query.sort = Sort::price_asc;
            EXPECT_EQ(
                follow(query), (Names{"pan", "Öl kettle", "oven", "Ocean lamp", "Zebra", "Pan"})
            );
            query.sort = Sort::price_desc;
            EXPECT_EQ(
                follow(query), (Names{"Pan", "Zebra", "Ocean lamp", "oven", "Öl kettle", "pan"})
            );
            query.sort = Sort::name;
            EXPECT_EQ(
                follow(query), (Names{"Ocean lamp", "Öl kettle", "oven", "Pan", "pan", "Zebra"})
            );
        }
    }
}

TEST_F(Catalogue, SearchesInEachOrder) {
    for (const auto& [name, price] : std::vector<std::pair<std::string, std::int64_t>>{
             {"lamp b", 300}, {"chair", 1}, {"lamp c", 100}, {"lamp a", 200}
         }) {
        NewProduct product = lamp();
        product.name = name;
        product.description = "";
        product.price_cents = price;
        create(product);
    }
    using Names = std::vector<std::string>;
    ProductQuery query;
    query.search = "lamp";
    query.limit = 1;
    query.sort = Sort::newest;
    EXPECT_EQ(follow(query), (Names{"lamp a", "lamp c", "lamp b"}));
    query.sort = Sort::price_asc;
    EXPECT_EQ(follow(query), (Names{"lamp c", "lamp a", "lamp b"}));
    query.sort = Sort::price_desc;
    EXPECT_EQ(follow(query), (Names{"lamp b", "lamp a", "lamp c"}));
    query.sort = Sort::name;
    EXPECT_EQ(follow(query), (Names{"lamp a", "lamp b", "lamp c"}));
    query.sort = Sort::relevance;
    EXPECT_EQ(follow(query), (Names{"lamp a", "lamp c", "lamp b"})) << "alike: the newest first";
    query.category = "seat";
    EXPECT_EQ(follow(query), Names{});
}

TEST_F(Catalogue, PagesStayWhereTheyAreWhenProductsComeAndGo) {
    for (int number = 0; number < 12; ++number) {
        NewProduct product = lamp();
        product.name = std::string(1, static_cast<char>('a' + number));
        product.price_cents = 100 * (number / 3);
        create(product);
    }
    for (const auto sort : {Sort::newest, Sort::price_asc, Sort::price_desc, Sort::name}) {
        ProductQuery query;
        query.sort = sort;
        query.limit = 3;
        const auto is_new = [](const std::string& name) { return name.size() > 1; };
        auto before = follow(query);
        std::erase_if(before, is_new);
        // Meanwhile products come at both ends of the list.
        auto seen = follow(query, [&](int pages) {
            NewProduct product = lamp();
            product.name = pages % 2 == 0 ? "!first" : "~last";
            product.price_cents = pages % 2 == 0 ? 0 : 100000;
            if (pages < 5) create(product);
        });
        std::erase_if(seen, is_new);
        EXPECT_EQ(seen, before) << to_string(sort);
    }
}

TEST_F(Catalogue, RanksNamesBeforeCategoriesBeforeDescriptions) {
    const auto make = [&](const char* name, const char* category, const char* description) {
        NewProduct product = lamp();
        product.name = name;
        product.category = category;
        product.description = description;
        create(product);
    };
    make("Granite kettle", "kitchen", "");
    make("Cup", "kettle and tea", "");
    make("Tea tin", "kitchen", "Goes with any kettle.");
    ProductQuery query;
    query.search = "kettle";
    query.sort = Sort::relevance;
    EXPECT_EQ(names(query), (std::vector<std::string>{"Granite kettle", "Cup", "Tea tin"}));
}

TEST_F(Catalogue, FindsWhatIsHalfTypedAndWithoutMarks) {
    add("Café Cirrus headphones", "audio");
    add("Monitor", "screens");
    const auto found = [&](const char* text) {
        ProductQuery query;
        query.search = text;
        query.sort = Sort::relevance;
        return names(query).size();
    };
    EXPECT_EQ(found("cafe"), 1u);
    EXPECT_EQ(found("CAFÉ"), 1u);
    EXPECT_EQ(found("cirr"), 1u) << "three letters and more may be a begin";
    EXPECT_EQ(found("head cirrus"), 0u) << "only the last word is half typed";
    EXPECT_EQ(found("cirrus head"), 1u);
    EXPECT_EQ(found("mo"), 0u);
    EXPECT_EQ(found("audio -head"), 1u) << "what is excluded is meant as typed";
    EXPECT_EQ(found("audio -headphones"), 0u);
    EXPECT_EQ(found("\"cirrus headphones\""), 1u);
    EXPECT_EQ(found("\"headphones cirrus\""), 0u);
    EXPECT_EQ(found("monitor or cafe"), 2u);
}

TEST_F(Catalogue, ASearchOfAWordThatAllHaveIsBounded) {
    for (std::int64_t piece = 0; piece < 6; ++piece) {
        postgres::Parameters parameters;
        parameters.int8(piece * 1000);
        shop_.look(
            {"many",
             "INSERT INTO product.products (id, name, description, category, price_cents,"
             " currency, image, stock, created_by) SELECT gen_random_uuid(), 'thing ' || n, '',"
             " 'c' || n % 7, n, 'EUR', '', 0, 't' FROM generate_series($1 + 1, $1 + 1000) AS n"},
            parameters
        );
    }
    ProductQuery query;
    query.search = "thing";
    query.limit = 3;
    query.sort = Sort::price_asc;
    EXPECT_EQ(names(query), (std::vector<std::string>{"thing 1", "thing 2", "thing 3"}));
    query.sort = Sort::price_desc;
    EXPECT_EQ(names(query), (std::vector<std::string>{"thing 6000", "thing 5999", "thing 5998"}));
    query.category = "c0";
    EXPECT_EQ(names(query), (std::vector<std::string>{"thing 5999", "thing 5992", "thing 5985"}));
    query.category.reset();
    query.sort = Sort::name;
    EXPECT_EQ(names(query), (std::vector<std::string>{"thing 1", "thing 10", "thing 100"}));
    query.sort = Sort::relevance;
    query.limit = 100;
    std::set<base::Uuid> seen;
    for (int pages = 0; pages < 51; ++pages) {
        const auto next = page(query);
        for (const auto& product : next.products) EXPECT_TRUE(seen.insert(product.id).second);
        query.after = next.next;
        if (!next.next) break;
    }
    EXPECT_EQ(seen.size(), 5000u);
}

TEST_F(Catalogue, OddSearchesAreAnswered) {
    add("Lamp", "light");
    std::string long_word;
    for (int index = 0; index < 200; ++index) long_word += "\xf0\x9d\x85\xa0";  // folds to three
    for (const std::string& text :
         {std::string("\xf0\x9f\x98\x80"),
          std::string("!!!"),
          std::string("((("),
          std::string("'; DROP TABLE products; --"),
          std::string("<script>"),
          std::string("\\"),
          std::string("-"),
          std::string("-lamp"),
          std::string("or or or"),
          std::string("\"\""),
          std::string("\xcc\x81"),
          std::string(200, 'x'),
          std::string(200, '"'),
          std::string(200, '('),
          long_word}) {
        ProductQuery query;
        query.search = text;
        for (const auto sort : {Sort::relevance, Sort::name, Sort::price_desc}) {
            query.sort = sort;
            ASSERT_TRUE(check(query).has_value()) << text;
            EXPECT_NO_THROW(page(query)) << text;
        }
    }
}

TEST(CataloguePlans, EachOrderWalksItsIndex) {
    TestShop shop(1);  // one connection, so that its prepared statements can be asked for
    PostgresCatalogue catalogue(*shop.room);
    // In pieces, as a statement of a busy machine has five seconds.
    for (std::int64_t piece = 0; piece < 8; ++piece) {
        postgres::Parameters parameters;
        parameters.int8(piece * 1000);
        shop.look(
            {"many",
             "INSERT INTO product.products (id, name, description, category, price_cents,"
             " currency, image, stock, created_by) SELECT gen_random_uuid(), md5(n::text),"
             " repeat('x ', 100), 'c' || n % 20, n * 7919 % 10000, 'EUR', '', 0, 't'"
             " FROM generate_series($1 + 1, $1 + 1000) AS n"},
            parameters
        );
    }
    shop.look({"analyze", "ANALYZE product.products"});
    for (const auto sort : {Sort::newest, Sort::price_asc, Sort::price_desc, Sort::name}) {
        ProductQuery query;
        query.sort = sort;
        shop.run(catalogue.list(query, TestShop::soon()));
        query.category = "c7";
        shop.run(catalogue.list(query, TestShop::soon()));
    }
    const auto connection = shop.run(shop.room->acquire(TestShop::soon()));
    // The plan that prepared statements have from their sixth run on.
    shop.run(connection->run("SET plan_cache_mode = force_generic_plan", TestShop::soon()));
    const std::string id = "'80000000-0000-0000-0000-000000000000'";
    for (const auto& [name, parameters] : std::vector<std::pair<std::string, std::string>>{
             {"list_newest", id},
             {"list_newest_of_category", id + ", 'c7'"},
             {"list_by_price", id + ", 500"},
             {"list_by_price_of_category", id + ", 500, 'c7'"},
             {"list_by_price_down", id + ", 500"},
             {"list_by_price_down_of_category", id + ", 500, 'c7'"},
             {"list_by_name", id + ", 'b'"},
             {"list_by_name_of_category", id + ", 'b', 'c7'"}
         }) {
        const std::string as = "explain_" + name;
        const std::string sql = "EXPLAIN EXECUTE " + name + "(21, " + parameters + ")";
        const auto lines = shop.run(connection->query({as, sql}, {}, TestShop::soon()));
        std::string plan;
        for (std::size_t row = 0; row < lines.rows(); ++row) {
            plan += std::string(lines.text(row, 0)) + "\n";
        }
        EXPECT_NE(plan.find("Index"), std::string::npos) << name << "\n" << plan;
        EXPECT_EQ(plan.find("Sort"), std::string::npos) << name << "\n" << plan;
        EXPECT_EQ(plan.find("Seq Scan"), std::string::npos) << name << "\n" << plan;
        EXPECT_EQ(plan.find("Filter"), std::string::npos) << name << "\n" << plan;
    }
}

TEST_F(Catalogue, CountsCategories) {
    add("a", "seat");
    add("b", "light");
    const auto id = add("c", "light");
    const auto lonely = add("d", "old");
    ProductChange change;
    change.archived = true;
    ASSERT_TRUE(shop_.run(catalogue_.change(lonely, change, TestShop::soon())).has_value());
    const auto counted = [&] {
        std::vector<std::pair<std::string, std::int64_t>> found;
        for (const auto& category : shop_.run(catalogue_.categories(TestShop::soon()))) {
            found.emplace_back(category.name, category.products);
        }
        return found;
    };
    using Counts = std::vector<std::pair<std::string, std::int64_t>>;
    EXPECT_EQ(counted(), (Counts{{"light", 2}, {"seat", 1}}));
    change.archived = std::nullopt;
    change.category = "seat";
    ASSERT_TRUE(shop_.run(catalogue_.change(id, change, TestShop::soon())).has_value());
    EXPECT_EQ(counted(), (Counts{{"light", 1}, {"seat", 2}}));
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

// Of more matches than are ranked the newest are, on every page of the same search.
TEST_F(Catalogue, RanksTheNewestOfManyMatches) {
    shop_.look(
        {"many_matches",
         "INSERT INTO product.products"
         " (id, name, description, category, price_cents, currency, image, stock, created_by)"
         " SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'red thing', '',"
         " 'things', 1, 'EUR', '', 0, 'test' FROM generate_series(1, 5001) AS n"}
    );
    ProductQuery query;
    query.search = "red";
    query.sort = Sort::relevance;
    query.limit = 2;
    const auto first = shop_.run(catalogue_.list(query, TestShop::soon()));
    ASSERT_EQ(first.products.size(), 2U);
    EXPECT_EQ(first.products[0].id.to_string(), "01900000-0000-7000-8000-000000001389");
    EXPECT_EQ(first.products[1].id.to_string(), "01900000-0000-7000-8000-000000001388");
    query.after = first.next;
    const auto second = shop_.run(catalogue_.list(query, TestShop::soon()));
    ASSERT_EQ(second.products.size(), 2U);
    EXPECT_EQ(second.products[0].id.to_string(), "01900000-0000-7000-8000-000000001387");
    query.after = Position{
        second.next->number, "", *base::Uuid::parse("01900000-0000-7000-8000-000000000003")
    };
    const auto last = shop_.run(catalogue_.list(query, TestShop::soon()));
    ASSERT_EQ(last.products.size(), 1U) << "the oldest is one too many";
    EXPECT_FALSE(last.next.has_value());
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
    using Reason = PostgresCatalogue::ChangeRefusal::Reason;
    EXPECT_EQ(stale.error().reason, Reason::version_differs);
    EXPECT_EQ(stale.error().version, 2);
    const auto unknown = shop_.run(catalogue_.change(shop_.new_id(), change, TestShop::soon()));
    ASSERT_FALSE(unknown.has_value());
    EXPECT_EQ(unknown.error().reason, Reason::unknown);

    change.version.reset();
    change.versions_matched = {1, -1};
    const auto unmatched = shop_.run(catalogue_.change(id, change, TestShop::soon()));
    ASSERT_FALSE(unmatched.has_value());
    EXPECT_EQ(unmatched.error().reason, Reason::precondition_failed);
    EXPECT_EQ(unmatched.error().version, 2);
    change.versions_matched = {1, 2};
    EXPECT_TRUE(shop_.run(catalogue_.change(id, change, TestShop::soon())).has_value());
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
