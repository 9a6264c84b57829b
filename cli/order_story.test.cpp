#include "cli/order_story.hpp"

#include "cli/audit/audited_database.test.hpp"
#include "cli/command.hpp"

namespace cli {
namespace {

constexpr int product = 1;
constexpr int customer = 2;
constexpr int order = 3;

class OrderStoryTest : public ::testing::Test, public AuditedDatabase {
  protected:
    std::string told(int number) {
        return to_json(look_up(read_order_story(auditor(), base::Uuid::parse(id(number)).value())));
    }
};

TEST_F(OrderStoryTest, TellsOfAnOrderFromEveryBook) {
    execute(fmt::format(
        "SELECT product.create_product_v1('{0}', 'mug', '', 'home', 500, 'EUR', '', 9, 't', 'k');"
        "SELECT orders.ordinary_place_v1('{1}', '{2}', '{1}', '{1}', '{{{0}}}', '{{2}}', 9, 60000,"
        " 2000);"
        "SELECT orders.ordinary_refused_v1('{1}', 1, 1, '{0}', 1, false);"
        "SELECT orders.ordinary_place_v1('{1}', '{2}', '{1}', '{1}', '{{{0}}}', '{{2}}', 9, 60000,"
        " 2000);"
        "SELECT product.reserve_v1(orders.ordinary_reservation_v1('{1}', 2), 'order', '{{{0}}}',"
        " '{{2}}', 60000, 't');"
        "SELECT orders.ordinary_reserved_v1('{1}', 2, '{{{0}}}', '{{mug}}', '{{500}}', 'EUR',"
        " now() + interval '1 minute');"
        "SELECT orders.ordinary_pay_begin_v1('{1}', '{2}', 60000);"
        "INSERT INTO sandbox.charges VALUES ('{1}:1', 1000, 'EUR', 'charged');"
        "SELECT orders.ordinary_pay_finish_v1('{1}', 1, 0, 2000);"
        "SELECT orders.ordinary_settled_v1('{1}', true);"
        "SELECT orders.ordinary_cancel_v1('{1}', '{2}');"
        "SELECT product.return_v1('{1}', '{1}', '{{{0}}}', '{{2}}', 't')",
        id(product),
        id(order),
        id(customer)
    ));
    const std::string story = told(order);
    for (const char* part :
         {R"("kind":"ordinary","state":"refunded")",
          R"("name":"mug","unit_price_cents":"500")",
          R"("kind":"refused","refusal":"not_enough_stock")",
          R"("available":"1")",
          R"("state":"refund due","amount_cents":"1000")",
          R"("at_provider":"charged")",
          R"("quantity":"2","sold":"0")",
          R"("kind":"return_units")",
          R"("returns":[{"at":)"}) {
        EXPECT_NE(story.find(part), std::string::npos) << part << " in " << story;
    }
}

TEST_F(OrderStoryTest, TellsOfAnOrderOfAFlashSale) {
    constexpr int sale = 4;
    execute(fmt::format(
        "SELECT orders.sale_create_v1('{0}', '{1}', 'lamp', 1999, 'EUR', 4, 2, 3, 60000, "
        "now() - interval '1 hour', now() + interval '1 hour', '{0}', '{0}', '{0}');"
        "SELECT orders.sale_open_v1('{0}', NULL);"
        "SELECT orders.sale_apply_v1('{0}', 0, 0, '{{{2}}}', '{{{3}}}', '{{{2}}}', '{{{2}}}', "
        "'{{2}}', '{{9000000000000000}}', '{{}}', '{{}}')",
        id(sale),
        id(product),
        id(order),
        id(customer)
    ));
    const std::string story = told(order);
    for (const char* part :
         {R"("kind":"flash sale","state":"reserved")",
          R"("total_cents":"3998")",
          R"("place":"2.1")",
          R"("name":"lamp")",
          R"("kind":"reserved")"}) {
        EXPECT_NE(story.find(part), std::string::npos) << part << " in " << story;
    }
}

TEST_F(OrderStoryTest, SaysThatThereIsNone) {
    EXPECT_THROW(told(order), Failure);
}

TEST(OrderStory, LeavesOutWhatSaysNothing) {
    const OrderStory story{
        {{"order", {"kind", "sale"}, {{"ordinary", ""}}}, {"returns", {"at"}, {}}}
    };
    EXPECT_EQ(to_table(story), "order\nkind\nordinary\n");
}

}  // namespace
}  // namespace cli
