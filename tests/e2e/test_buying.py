"""What a buyer is told, in every situation that the contract names."""

import uuid
from concurrent.futures import ThreadPoolExecutor

from shop.waiting import wait_until


def test_an_order_is_held_paid_and_listed(shop):
    sale, token = shop.make_sale(), shop.customer()
    bought = shop.buy(sale, token)
    assert bought.status == 201
    order = bought.body
    assert order["state"] == "reserved"
    assert (order["unit_price_cents"], order["currency"]) == (4900, "EUR")
    assert order["seq"] >= 1 and order["pos"] >= 1
    paid = shop.pay(order["order_id"], token)
    assert (paid.status, paid.body["state"]) == (200, "paid")
    assert shop.pay(order["order_id"], token).status == 200, "paying twice charges once"
    listed = shop.request("GET", "/api/v1/orders", token=token).body["orders"]
    assert [(one["order_id"], one["state"]) for one in listed] == [(order["order_id"], "paid")]
    seen = shop.request("GET", f"/api/v1/orders/{order['order_id']}", token=token)
    assert seen.body["state"] == "paid"


def test_nobody_sees_or_touches_the_order_of_another(shop):
    sale, owner, other = shop.make_sale(), shop.customer(), shop.customer()
    order = shop.buy(sale, owner).body["order_id"]
    assert shop.request("GET", f"/api/v1/orders/{order}", token=other).code == "order_unknown"
    assert shop.pay(order, other).code == "order_unknown"
    assert shop.cancel(order, other).code == "order_unknown"
    assert shop.request("GET", f"/api/v1/orders/{order}", token=owner).body["state"] == "reserved"


def test_the_same_key_returns_the_same_order(shop):
    sale, token, key = shop.make_sale(limit=5), shop.customer(), str(uuid.uuid4())
    first = shop.buy(sale, token, key=key, quantity=2)
    again = shop.buy(sale, token, key=key, quantity=2)
    assert (first.status, again.status) == (201, 200)
    assert first.body["order_id"] == again.body["order_id"]
    other = shop.buy(sale, token, key=key, quantity=3)
    assert (other.status, other.code) == (422, "key_reused")
    assert shop.sale(sale)["remaining"] == 98


def test_the_same_key_of_another_customer_is_another_key(shop):
    sale, key = shop.make_sale(), str(uuid.uuid4())
    assert shop.buy(sale, shop.customer(), key=key).status == 201
    assert shop.buy(sale, shop.customer(), key=key).status == 201


def test_twenty_clicks_at_once_make_one_order(shop):
    sale, token, key = shop.make_sale(limit=50, holds=50), shop.customer(), str(uuid.uuid4())
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: shop.buy(sale, token, key=key), range(20)))
    assert {answer.status for answer in answers} <= {200, 201}
    assert [answer.status for answer in answers].count(201) == 1
    assert len({answer.body["order_id"] for answer in answers}) == 1
    assert shop.sale(sale)["remaining"] == 99


def test_the_limit_holds_across_keys_and_at_once(shop):
    sale, token = shop.make_sale(limit=3, holds=50), shop.customer()
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: shop.buy(sale, token), range(12)))
    assert sorted(answer.status for answer in answers) == [201] * 3 + [409] * 9
    assert {answer.code for answer in answers if answer.status == 409} == {"limit_reached"}
    assert shop.sale(sale)["remaining"] == 97


def test_a_customer_can_only_open_so_many_holds(shop):
    sale, token = shop.make_sale(limit=1, holds=2), shop.customer()
    for _ in range(2):
        order = shop.buy(sale, token).body["order_id"]
        assert shop.cancel(order, token).body["state"] == "cancelled"
    assert shop.buy(sale, token).code == "limit_reached"


def test_the_last_units_go_to_whom_they_fit(shop):
    sale = shop.make_sale(units=3, limit=2)
    assert shop.buy(sale, shop.customer(), quantity=2).status == 201
    refused = shop.buy(sale, shop.customer(), quantity=2)
    assert (refused.status, refused.code) == (409, "not_enough")
    assert refused.body["remaining"] == 1
    assert shop.buy(sale, shop.customer()).status == 201


def test_none_left_becomes_sold_out_when_the_last_hold_is_paid(shop):
    sale, token = shop.make_sale(units=1), shop.customer()
    order = shop.buy(sale, token).body["order_id"]
    waiting = shop.buy(sale, shop.customer())
    assert (waiting.status, waiting.code) == (409, "none_left_now")
    assert "retry-after" in waiting.headers
    assert shop.pay(order, token).status == 200
    wait_until(
        lambda: shop.buy(sale, shop.customer()).code == "sold_out", 5, what="the sale is sold out"
    )
    assert shop.sale(sale)["sold_out"] is True


def test_a_winner_gets_the_order_again_after_the_sale_is_sold_out(shop):
    sale, token, key = shop.make_sale(units=1), shop.customer(), str(uuid.uuid4())
    order = shop.buy(sale, token, key=key).body["order_id"]
    assert shop.pay(order, token).status == 200
    wait_until(lambda: shop.sale(sale)["sold_out"], 5, what="the sale is sold out")
    again = shop.buy(sale, token, key=key)
    assert (again.status, again.body["order_id"]) == (200, order)


def test_a_cancelled_unit_goes_to_the_next_buyer(shop):
    sale, first, second = shop.make_sale(units=1), shop.customer(), shop.customer()
    order = shop.buy(sale, first).body["order_id"]
    key = str(uuid.uuid4())
    assert shop.buy(sale, second, key=key).code == "none_left_now"
    assert shop.cancel(order, first).body["state"] == "cancelled"
    assert shop.cancel(order, first).body["state"] == "cancelled", "twice is harmless"
    wait_until(
        lambda: shop.buy(sale, second, key=key).status in (200, 201), 5, what="the unit came back"
    )
    assert shop.pay(order, first).code == "cancelled"


def test_a_hold_that_is_not_paid_in_time_comes_back(shop):
    sale, first, second = shop.make_sale(units=1, hold_s=1), shop.customer(), shop.customer()
    order = shop.buy(sale, first).body["order_id"]
    wait_until(lambda: shop.buy(sale, second).status == 201, 6, what="the hold has run out")
    late = shop.pay(order, first)
    assert (late.status, late.code) == (409, "expired")


def test_a_declined_payment_leaves_the_hold(shop):
    sale, token = shop.make_sale(), shop.customer()
    order = shop.buy(sale, token).body["order_id"]
    declined = shop.pay(order, token, "sandbox:decline")
    assert (declined.status, declined.code) == (402, "declined")
    assert shop.pay(order, token).body["state"] == "paid"


def test_before_the_start_and_while_paused_nothing_is_sold(shop):
    early = shop.make_sale(starts_s=30)
    refused = shop.buy(early, shop.customer())
    assert (refused.status, refused.code) == (409, "not_started")
    sale, token, key = shop.make_sale(), shop.customer(), str(uuid.uuid4())
    bought = shop.buy(sale, token, key=key)
    assert shop.admin("POST", f"/api/v1/flash-sales/{sale}/pause").body["state"] == "paused"
    assert shop.buy(sale, shop.customer()).code == "paused"
    assert shop.buy(sale, token, key=key).body["order_id"] == bought.body["order_id"]
    assert shop.pay(bought.body["order_id"], token).status == 200, "holders can still pay"
    assert shop.admin("POST", f"/api/v1/flash-sales/{sale}/resume").body["state"] == "running"
    wait_until(lambda: shop.buy(sale, shop.customer()).status == 201, 3, what="it sells again")


def test_an_ended_sale_drains_settles_and_gives_back(shop):
    product = shop.make_product(stock=50)
    sale = shop.make_sale(units=50, product_id=product, hold_s=2)
    before = shop.request("GET", f"/api/v1/products/{product}").body
    token = shop.customer()
    paid = shop.buy(sale, token).body["order_id"]
    shop.pay(paid, token)
    shop.buy(sale, shop.customer())
    settled = shop.settle(sale)
    assert (settled["sold"], settled["released"]) == (1, 49)
    assert shop.buy(sale, shop.customer()).code == "sale_over"
    wait_until(
        lambda: shop.request("GET", f"/api/v1/products/{product}").body != before,
        10,
        what="product has settled the reservation",
    )
    after = shop.shop.postgres.ask(
        f"select stock, reserved from product.products where id = '{product}'"
    )
    assert after == "49|0"
    shop.audit()


def test_a_sale_ends_by_its_clock(shop):
    sale = shop.make_sale(lasts_s=3, hold_s=1)
    assert shop.buy(sale, shop.customer()).status == 201
    wait_until(lambda: shop.buy(sale, shop.customer()).code == "sale_over", 8, what="it is over")
    wait_until(lambda: shop.sale(sale)["state"] == "settled", 20, what="it is settled")


def test_more_units_than_product_has_are_refused(shop):
    product = shop.make_product(stock=5)
    sale = shop.make_sale(units=6, product_id=product)
    seen = shop.sale(sale)
    assert seen["state"] == "refused" and "not_enough_stock" in seen["refusal"]
    assert shop.buy(sale, shop.customer()).status == 404


def test_creating_a_sale_twice_makes_one(shop):
    body_key = str(uuid.uuid4())
    body = {
        "product_id": shop.product_id,
        "name": "Once",
        "units": 5,
        "unit_price_cents": 100,
        "currency": "EUR",
        "starts_at": "2020-01-01T00:00:00Z",
        "ends_at": "2020-01-31T00:00:00Z",
    }
    over = shop.admin("POST", "/api/v1/flash-sales", key=body_key, body=body)
    assert (over.status, over.body["field"]) == (400, "ends_at")
    body |= {"starts_at": "2099-01-01T00:00:00Z", "ends_at": "2099-01-02T00:00:00Z"}
    first = shop.admin("POST", "/api/v1/flash-sales", key=body_key, body=body)
    again = shop.admin("POST", "/api/v1/flash-sales", key=body_key, body=body)
    assert (first.status, again.status) == (201, 200)
    assert first.body["id"] == again.body["id"]
    other = shop.admin("POST", "/api/v1/flash-sales", key=body_key, body=body | {"units": 6})
    assert (other.status, other.code) == (422, "key_reused")
