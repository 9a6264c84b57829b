"""Orders of several products: what a customer is told, and what product's book says afterwards."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from shop.waiting import wait_until

ORDER_PODS = ("order-1", "order-2")
# Of what workers do on a busy machine.
SOON_SECONDS = 25


def place(shop, token, *lines, key=None):
    return shop.request(
        "POST",
        "/api/v1/orders",
        token=token,
        key=key or str(uuid.uuid4()),
        body={"lines": [{"product_id": one, "quantity": units} for one, units in lines]},
    )


def get(shop, order, token):
    return shop.request("GET", f"/api/v1/orders/{order}", token=token)


def events(shop, order, token):
    seen = shop.request("GET", f"/api/v1/orders/{order}/events", token=token)
    assert seen.status == 200, seen
    return [event["kind"] for event in seen.body["events"]]


def stock(shop, product):
    """(on hand, set aside)"""
    row = shop.shop.postgres.ask(
        f"select stock, reserved from product.products where id = '{product}'"
    )
    return tuple(int(number) for number in row.split("|"))


def forget_that_it_is_reserved(shop, order):
    """As if the pod had died after product's answer, before it wrote it down."""
    assert shop.shop.postgres.ask(
        "with events as (delete from orders.ordinary_order_events"
        f" where order_id = '{order}' and kind = 'reserved'),"
        " lines as (update orders.ordinary_order_lines set name = null, unit_price_cents = null"
        f" where order_id = '{order}')"
        " update orders.ordinary_orders set state = 6, total_cents = null, currency = null,"
        f" due_at = now() + interval '1 minute' where id = '{order}' returning 1"
    ).startswith("1")


@pytest.fixture(scope="module")
def short_hold(shop):
    """Orders that nobody pays run out after a second and a half."""
    with shop.shop.rooms.changed(ORDER_PODS, {"ORDER_HOLD_MS": "1500"}):
        yield


def test_several_products_are_ordered_paid_and_shown(shop):
    token, mug, pot = shop.customer(), shop.make_product(stock=10), shop.make_product(stock=10)
    placed = place(shop, token, (pot, 1), (mug, 2), (pot, 2))
    assert placed.status == 201, placed
    order = placed.body
    assert placed.headers["location"] == f"/api/v1/orders/{order['order_id']}"
    assert (order["kind"], order["state"], order["total_cents"]) == ("ordinary", "reserved", 49500)
    lines = [(line["product_id"], line["quantity"]) for line in order["lines"]]
    assert lines == [(pot, 3), (mug, 2)]
    assert (stock(shop, mug), stock(shop, pot)) == ((10, 2), (10, 3))
    paid = shop.pay(order["order_id"], token)
    assert (paid.status, paid.body["state"]) == (200, "paid")
    assert shop.pay(order["order_id"], token).status == 200, "paying twice charges once"
    assert (stock(shop, mug), stock(shop, pot)) == ((8, 0), (7, 0))
    assert get(shop, order["order_id"], token).body == paid.body
    assert events(shop, order["order_id"], token) == [
        "placed", "reserved", "payment_started", "payment_approved", "paid",
    ]  # fmt: skip


def test_units_of_a_reservation_on_other_terms_are_let_go(shop):
    """The order is asked for again by a pod that holds units for another time, as in a rollout."""
    token, product, key = shop.customer(), shop.make_product(stock=5), str(uuid.uuid4())
    order = place(shop, token, (product, 2), key=key).body["order_id"]
    forget_that_it_is_reserved(shop, order)
    with shop.shop.rooms.changed(ORDER_PODS, {"ORDER_HOLD_MS": "800000"}):
        refused = place(shop, token, (product, 2), key=key)
        assert (refused.status, refused.code) == (503, "busy")
        wait_until(
            lambda: stock(shop, product) == (5, 0), SOON_SECONDS, what="its units are free again"
        )
        again = place(shop, token, (product, 2), key=key)
        assert (again.status, again.body["order_id"]) == (201, order)
    assert stock(shop, product) == (5, 2)
    assert shop.cancel(order, token).status == 200


def test_all_lines_or_none(shop):
    token, plenty, scarce = shop.customer(), shop.make_product(stock=10), shop.make_product(stock=1)
    key = str(uuid.uuid4())
    refused = place(shop, token, (plenty, 5), (scarce, 2), key=key)
    assert (refused.status, refused.code) == (409, "not_enough_stock")
    assert (refused.body["product_id"], refused.body["available"]) == (scarce, 1)
    assert (stock(shop, plenty), stock(shop, scarce)) == ((10, 0), (1, 0))
    [listed] = shop.request("GET", "/api/v1/orders?state=refused", token=token).body["orders"]
    assert listed["refusal"] == {"code": "not_enough_stock", "product_id": scarce, "available": 1}
    assert shop.pay(listed["order_id"], token).code == "refused"
    # A refusal doesn't bind its key: for what there is, it is as good as new.
    fits = place(shop, token, (plenty, 5), (scarce, 1), key=key)
    assert (fits.status, fits.body["order_id"]) == (201, listed["order_id"])
    assert (stock(shop, plenty), stock(shop, scarce)) == ((10, 5), (1, 1))


def test_the_price_is_that_of_the_order(shop):
    token, product = shop.customer(), shop.make_product(stock=5)
    order = place(shop, token, (product, 2)).body
    change_price(shop, product, 1)
    paid = shop.pay(order["order_id"], token).body
    assert (paid["total_cents"], paid["lines"][0]["unit_price_cents"]) == (19800, 9900)
    assert place(shop, token, (product, 2)).body["total_cents"] == 2


def change_price(shop, product, price_cents):
    changed = shop.admin("PATCH", f"/api/v1/products/{product}", body={"price_cents": price_cents})
    assert changed.status == 200, changed


def test_bad_orders_are_refused_before_anything_is_written(shop):
    token, product = shop.customer(), shop.make_product(stock=5)
    for lines, field in (
        ([], "lines"),
        ([(product, 0)], "lines[0].quantity"),
        ([(product, 1001)], "lines[0].quantity"),
        ([(product, 600), (product, 600)], "lines[1].quantity"),
        ([(str(uuid.uuid4()), 1) for _ in range(51)], "lines"),
        ([("nonsense", 1)], "lines[0].product_id"),
    ):
        refused = place(shop, token, *lines)
        assert (refused.status, refused.body["field"]) == (400, field)
    without_key = shop.request("POST", "/api/v1/orders", token=token, body={"lines": []})
    assert (without_key.status, without_key.body["field"]) == (400, "header Idempotency-Key")
    bad_state = shop.request("GET", "/api/v1/orders?state=lost", token=token)
    assert (bad_state.status, bad_state.body["field"]) == (400, "state")
    unknown = place(shop, token, (product, 1), (str(uuid.uuid4()), 1))
    assert (unknown.status, unknown.code) == (422, "product_unknown")
    assert stock(shop, product) == (5, 0)


def test_an_order_has_one_currency(shop):
    token, euros, dollars = shop.customer(), shop.make_product(stock=5), shop.make_product(stock=5)
    sql = f"update product.products set currency = 'USD' where id = '{dollars}'"
    shop.shop.postgres.ask(sql)
    refused = place(shop, token, (euros, 1), (dollars, 1))
    assert (refused.status, refused.code) == (422, "currencies_mixed")
    wait_until(
        lambda: stock(shop, euros) == (5, 0), SOON_SECONDS, what="product has let the units go"
    )
    assert stock(shop, dollars) == (5, 0)


def test_an_order_that_nobody_can_pay_is_refused(shop):
    token, dear, cheap = shop.customer(), shop.make_product(stock=5), shop.make_product(stock=5)
    change_price(shop, dear, 50_000_000_000)
    change_price(shop, cheap, 1)
    refused = place(shop, token, (dear, 2), (cheap, 1))
    assert (refused.status, refused.code) == (422, "total_too_large")
    assert refused.body["field"] == "lines"
    [listed] = shop.request("GET", "/api/v1/orders?state=refused", token=token).body["orders"]
    assert listed["refusal"] == {"code": "total_too_large"}
    wait_until(
        lambda: stock(shop, dear) == (5, 0), SOON_SECONDS, what="product has let the units go"
    )
    most = place(shop, token, (dear, 2))
    assert (most.status, most.body["total_cents"]) == (201, 100_000_000_000)
    assert shop.pay(most.body["order_id"], token).body["state"] == "paid"
    change_price(shop, dear, 100_000_000_000)
    assert place(shop, token, (dear, 3), (cheap, 1)).code == "total_too_large"


def test_the_same_key_returns_the_same_order(shop):
    token, product, key = shop.customer(), shop.make_product(stock=50), str(uuid.uuid4())
    first = place(shop, token, (product, 2), key=key)
    again = place(shop, token, (product, 1), (product, 1), key=key)
    assert (first.status, again.status) == (201, 200)
    assert first.body == again.body
    other = place(shop, token, (product, 3), key=key)
    assert (other.status, other.code) == (422, "key_reused")
    assert place(shop, shop.customer(), (product, 2), key=key).status == 201, "somebody else's key"
    assert stock(shop, product) == (50, 4)


def test_twenty_clicks_at_once_make_one_order(shop):
    token, product, key = shop.customer(), shop.make_product(stock=50), str(uuid.uuid4())
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: place(shop, token, (product, 2), key=key), range(20)))
    assert [answer.status for answer in answers].count(201) == 1
    assert {answer.status for answer in answers} <= {200, 201}
    assert len({answer.body["order_id"] for answer in answers}) == 1
    assert stock(shop, product) == (50, 2)
    order = answers[0].body["order_id"]
    with ThreadPoolExecutor(10) as pool:
        paid = list(pool.map(lambda _: shop.pay(order, token), range(10)))
    assert {answer.status for answer in paid} <= {200, 202}
    wait_until(
        lambda: get(shop, order, token).body["state"] == "paid",
        SOON_SECONDS,
        what="the order is paid",
    )
    charges = f"select count(*) from sandbox.charges where provider_key like '{order}:%'"
    assert shop.shop.postgres.ask(charges) == "1"


def test_the_last_unit_is_sold_once(shop):
    product = shop.make_product(stock=3)
    tokens = [shop.customer() for _ in range(12)]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda token: place(shop, token, (product, 1)), tokens))
    assert sorted(answer.status for answer in answers) == [201] * 3 + [409] * 9
    assert stock(shop, product) == (3, 3)


def test_a_customer_may_have_so_many_unpaid_orders(shop):
    token, product = shop.customer(), shop.make_product(stock=100)
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: place(shop, token, (product, 1)), range(25)))
    assert sorted(answer.status for answer in answers) == [201] * 20 + [409] * 5
    refused = place(shop, token, (product, 1))
    assert refused.code == "too_many_open_orders"
    order = next(answer.body["order_id"] for answer in answers if answer.status == 201)
    assert shop.pay(order, token).status == 200
    assert place(shop, token, (product, 1)).status == 201


def test_cancelling_an_unpaid_order_frees_its_units(shop):
    token, product = shop.customer(), shop.make_product(stock=5)
    order = place(shop, token, (product, 2)).body["order_id"]
    for _ in range(2):
        cancelled = shop.cancel(order, token)
        assert (cancelled.status, cancelled.body["state"]) == (200, "cancelled")
    assert stock(shop, product) == (5, 0)
    assert shop.pay(order, token).code == "cancelled"
    assert events(shop, order, token) == ["placed", "reserved", "cancelled"]


def test_cancelling_a_paid_order_gives_money_and_units_back(shop):
    token, mug, pot = shop.customer(), shop.make_product(stock=5), shop.make_product(stock=5)
    order = place(shop, token, (mug, 2), (pot, 1)).body["order_id"]
    assert shop.pay(order, token).status == 200
    for _ in range(2):
        refunded = shop.cancel(order, token)
        assert (refunded.status, refunded.body["state"]) == (200, "refunded")
    wait_until(
        lambda: (stock(shop, mug), stock(shop, pot)) == ((5, 0), (5, 0)),
        SOON_SECONDS,
        what="units are back",
    )
    wait_until(
        lambda: sorted(events(shop, order, token)[-2:]) == ["refunded", "returned"],
        SOON_SECONDS,
        what="money and units went back",
    )
    charge = f"select state from sandbox.charges where provider_key = '{order}:1'"
    assert shop.shop.postgres.ask(charge) == "refunded"
    assert shop.pay(order, token).code == "refunded"


def test_a_declined_payment_leaves_the_units(shop):
    token, product = shop.customer(), shop.make_product(stock=5)
    order = place(shop, token, (product, 1)).body["order_id"]
    declined = shop.pay(order, token, "sandbox:decline")
    assert (declined.status, declined.code) == (402, "declined")
    assert stock(shop, product) == (5, 1)
    assert shop.pay(order, token).body["state"] == "paid"
    assert events(shop, order, token)[2:] == [
        "payment_started", "payment_declined", "payment_started", "payment_approved", "paid",
    ]  # fmt: skip


def test_nobody_sees_or_touches_the_order_of_another(shop):
    owner, other, product = shop.customer(), shop.customer(), shop.make_product(stock=5)
    order = place(shop, owner, (product, 1)).body["order_id"]
    assert get(shop, order, other).code == "order_unknown"
    hidden = shop.request("GET", f"/api/v1/orders/{order}/events", token=other)
    assert (hidden.status, hidden.code) == (404, "order_unknown")
    assert shop.pay(order, other).code == "order_unknown"
    assert shop.cancel(order, other).code == "order_unknown"
    assert shop.request("GET", "/api/v1/orders", token=other).body["orders"] == []
    assert get(shop, order, owner).body["state"] == "reserved"


def test_both_kinds_are_listed_newest_first_page_by_page(shop):
    token, product = shop.customer(), shop.make_product(stock=50)
    sale = shop.make_sale(limit=9, holds=9)
    made = []
    for number in range(7):
        bought = shop.buy(sale, token) if number % 3 == 0 else place(shop, token, (product, 1))
        made.insert(0, bought.body["order_id"])
    listed, cursor = [], ""
    while cursor is not None:
        page = shop.request("GET", f"/api/v1/orders?limit=3{cursor}", token=token).body
        assert len(page["orders"]) <= 3
        listed += page["orders"]
        cursor = f"&cursor={page['next_cursor']}" if "next_cursor" in page else None
    assert [order["order_id"] for order in listed] == made
    assert [order["kind"] for order in listed].count("flash_sale") == 3
    for order in listed:
        assert sum(line["quantity"] * line["unit_price_cents"] for line in order["lines"]) == (
            order["total_cents"]
        )
    shop.pay(made[0], token)
    paid = shop.request("GET", "/api/v1/orders?state=paid", token=token).body["orders"]
    assert [order["order_id"] for order in paid] == [made[0]]


def test_a_sales_order_has_a_history_too(shop):
    token, sale = shop.customer(), shop.make_sale()
    order = shop.buy(sale, token).body["order_id"]
    shop.pay(order, token, "sandbox:decline")
    shop.pay(order, token)
    assert events(shop, order, token) == [
        "reserved", "payment_started", "payment_declined", "payment_started", "payment_approved",
        "paid",
    ]  # fmt: skip


def test_an_order_that_is_not_paid_in_time_expires(shop, short_hold):
    token, product = shop.customer(), shop.make_product(stock=2)
    order = place(shop, token, (product, 2)).body["order_id"]
    wait_until(
        lambda: get(shop, order, token).body["state"] == "expired", 6, what="the order has expired"
    )
    late = shop.pay(order, token)
    assert (late.status, late.code) == (409, "expired")
    assert shop.cancel(order, token).code == "expired"
    wait_until(
        lambda: stock(shop, product) == (2, 0), SOON_SECONDS, what="the units are free again"
    )
    assert events(shop, order, token) == ["placed", "reserved", "expired"]
    assert place(shop, shop.customer(), (product, 2)).status == 201


def test_money_goes_back_when_product_let_the_units_go_first(shop, short_hold):
    """Product's clock alone decides: here it has already ended what order still thinks is held."""
    token, product = shop.customer(), shop.make_product(stock=2)
    order = place(shop, token, (product, 1)).body["order_id"]
    shop.shop.postgres.ask(
        "update product.reservations set expires_at = now() where id ="
        f" (select reservation_id from orders.ordinary_orders where id = '{order}')"
    )
    shop.shop.postgres.ask(
        "update orders.ordinary_orders set expires_at = now() + interval '1 minute'"
        f" where id = '{order}'"
    )
    late = shop.pay(order, token)
    assert (late.status, late.code) == (409, "expired")
    charge = f"select state from sandbox.charges where provider_key = '{order}:1'"
    wait_until(
        lambda: shop.shop.postgres.ask(charge) == "refunded",
        SOON_SECONDS,
        what="the money went back",
    )
    assert events(shop, order, token)[-3:] == ["expired", "refund_due", "refunded"]


def test_one_trace_goes_through_all_rooms(shop):
    token, product = shop.customer(), shop.make_product(stock=5)
    trace_id = uuid.uuid4().hex
    traced = {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
    rooms = ("product", "payment")
    with shop.shop.rooms.changed(rooms, {"ACCESS_LOG": "on"}):
        body = {"lines": [{"product_id": product, "quantity": 1}]}
        key = str(uuid.uuid4())
        placed = shop.request(
            "POST", "/api/v1/orders", token=token, key=key, body=body, headers=traced
        )
        order = placed.body["order_id"]
        assert shop.pay(order, token, headers=traced).status == 200
        assert shop.cancel(order, token, headers=traced).status == 200
        asked = {
            "/internal/v1/reservations",
            "/internal/v1/reservations/{id}/settle",
            "/v1/charges",
        }
        wait_until(
            lambda: asked <= {route for room in rooms for route in routes(shop, room, trace_id)},
            SOON_SECONDS,
            what="both rooms wrote down whose doing it was",
        )


def routes(shop, room, trace_id):
    """Of the requests of one trace that a room's access log has."""
    text = shop.shop.state.log(room).read_text(errors="replace")
    # The last line may be half written as yet.
    lines = text[: text.rfind("\n") + 1].splitlines()
    requests = (json.loads(line) for line in lines if trace_id in line)
    return {line["route"] for line in requests if line["message"] == "request"}


def test_the_books_agree(shop):
    shop.audit()
