"""Paying when the provider is slow, silent, repeats itself, is overtaken by its own webhook, lies
or is away; and refunds. The provider's ledger must agree with the orders in the end."""

import hashlib
import hmac
import json
import time
import uuid

from shop.waiting import wait_until

SOON_SECONDS = 10
EVENTS = "/internal/v1/payment-events"
# Of a unit in the tests' sales, and of two of the tests' product.
SALE_PRICE_CENTS = 4900
ORDINARY_TOTAL_CENTS = 19800


def buy(shop, sale=None):
    sale, token = sale or shop.make_sale(), shop.customer()
    return sale, shop.buy(sale, token).body["order_id"], token


def order_ordinarily(shop):
    token = shop.customer()
    lines = [{"product_id": shop.product_id, "quantity": 2}]
    placed = shop.request(
        "POST", "/api/v1/orders", token=token, key=str(uuid.uuid4()), body={"lines": lines}
    )
    assert placed.status == 201, placed
    return placed.body["order_id"], token


def state(shop, order, token):
    return shop.request("GET", f"/api/v1/orders/{order}", token=token).body["state"]


def wait_for(shop, order, token, wanted):
    wait_until(
        lambda: state(shop, order, token) == wanted, SOON_SECONDS, what=f"the order is {wanted}"
    )


def ledger(shop, order, n=1):
    """What the provider has in its book."""
    return shop.shop.postgres.ask(
        f"select state from sandbox.charges where provider_key = '{order}:{n}'"
    )


def webhooks(shop, order, condition="true"):
    asked = "select count(*) from sandbox.webhooks where"
    return int(shop.shop.postgres.ask(f"{asked} provider_key = '{order}:1' and {condition}"))


def event_of(order, *, n=1, charge="charged", amount_cents=SALE_PRICE_CENTS):
    return json.dumps(
        {
            "id": str(uuid.uuid4()),
            "key": f"{order}:{n}",
            "state": charge,
            "amount_cents": amount_cents,
            "currency": "EUR",
            "created_at": "2026-11-27T10:00:00.000Z",
        }
    )


def signature(shop, body, *, at=None, secret=None):
    at = int(time.time()) if at is None else at
    secret = secret or shop.shop.state.secret("webhook-secret")
    digest = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def send(shop, body, header, pod="order-1"):
    headers = {"Webhook-Signature": header} if header is not None else {}
    return shop.request("POST", EVENTS, body=body, headers=headers, room=pod)


def test_a_slow_verdict_comes_by_webhook(shop):
    _, order, token = buy(shop)
    pending = shop.pay(order, token, "sandbox:slow")
    assert (pending.status, pending.body["state"]) == (202, "paying")
    assert ledger(shop, order) == "pending"
    again = shop.pay(order, token, "sandbox:approve")
    assert again.status == 202, "one attempt at a time"
    wait_for(shop, order, token, "paid")
    assert shop.pay(order, token).status == 200
    assert ledger(shop, order) == "charged"


def test_a_webhook_may_overtake_the_answer(shop):
    _, order, token = buy(shop)
    paid = shop.pay(order, token, "sandbox:webhook-first")
    assert (paid.status, paid.body["state"]) == (200, "paid")
    assert webhooks(shop, order, "delivered_at is not null") == 1, "it came before the answer"


def test_a_webhook_may_come_twice(shop):
    _, order, token = buy(shop)
    assert shop.pay(order, token, "sandbox:duplicate").status == 200
    wait_until(
        lambda: webhooks(shop, order, "copies_left = 0 and delivered_at is not null") == 1,
        SOON_SECONDS,
        what="both copies were taken",
    )
    assert state(shop, order, token) == "paid"


def test_an_answer_that_never_comes_is_asked_for_and_its_webhook_is_late(shop):
    _, order, token = buy(shop)
    waited = shop.pay(order, token, "sandbox:silent")
    assert waited.status in (200, 202), waited
    assert ledger(shop, order) == "charged"
    wait_for(shop, order, token, "paid")
    wait_until(
        lambda: webhooks(shop, order, "delivered_at is not null") == 1,
        SOON_SECONDS,
        what="the late webhook was taken",
    )
    assert state(shop, order, token) == "paid"


def test_verdicts_of_ordinary_orders_take_the_same_ways(shop):
    paid_later = {}
    for method, statuses in (
        ("sandbox:slow", (202,)),
        ("sandbox:webhook-first", (200,)),
        ("sandbox:duplicate", (200,)),
        ("sandbox:silent", (200, 202)),
    ):
        order, token = order_ordinarily(shop)
        assert shop.pay(order, token, method).status in statuses, method
        paid_later[order] = token
    for order, token in paid_later.items():
        wait_for(shop, order, token, "paid")
        wrong = event_of(order, amount_cents=1)
        refused = send(shop, wrong, signature(shop, wrong), "order-2")
        assert (refused.status, refused.code) == (422, "amount_differs")
        body = event_of(order, amount_cents=ORDINARY_TOTAL_CENTS)
        taken = send(shop, body, signature(shop, body), "order-2")
        assert (taken.status, taken.body["outcome"]) == (200, "paid"), "a replay changes nothing"
        assert ledger(shop, order) == "charged"


def test_the_last_unit_paid_by_a_webhook_sells_the_sale_out(shop):
    sale, order, token = buy(shop, shop.make_sale(units=1))
    assert shop.pay(order, token, "sandbox:slow").status == 202
    wait_for(shop, order, token, "paid")
    wait_until(
        lambda: shop.buy(sale, shop.customer()).code == "sold_out", 5, what="the sale is sold out"
    )


def test_unknown_methods_are_refused_by_name(shop):
    _, order, token = buy(shop)
    refused = shop.pay(order, token, "card")
    assert (refused.status, refused.body["field"]) == (400, "payment_method")
    assert "sandbox:slow" in refused.body["detail"]


def test_a_forged_event_changes_nothing(shop):
    _, order, token = buy(shop)
    assert shop.pay(order, token, "sandbox:decline").status == 402
    assert shop.pay(order, token, "sandbox:slow").status == 202
    body = event_of(order, n=2)
    good = signature(shop, body)
    for header in (
        None,
        "",
        good[:-1],
        signature(shop, body, secret="0" * 43),
        signature(shop, event_of(order, n=1)),
        good.replace("t=", "t=1"),
    ):
        refused = send(shop, body, header)
        assert (refused.status, refused.code) == (401, "signature_invalid"), header
    for at in (time.time() - 310, time.time() + 310):
        refused = send(shop, body, signature(shop, body, at=int(at)))
        assert (refused.status, refused.code) == (401, "signature_expired")
    # Not even looked at: it isn't JSON.
    assert send(shop, "{", good).status == 401
    outside = shop.request("POST", EVENTS, body=body, headers={"Webhook-Signature": good})
    assert outside.status == 404, "the gateway routes no webhook"
    assert state(shop, order, token) == "paying"
    wait_for(shop, order, token, "paid")


def test_a_replayed_event_changes_nothing(shop):
    _, order, token = buy(shop)
    assert shop.pay(order, token).status == 200
    body = event_of(order)
    header = signature(shop, body)
    for pod in ("order-1", "order-2", "order-1"):
        taken = send(shop, body, header, pod)
        assert (taken.status, taken.body["outcome"]) == (200, "paid")
    late = event_of(order, charge="declined")
    assert send(shop, late, signature(shop, late)).body["outcome"] == "paid", "too late"
    assert state(shop, order, token) == "paid"


def test_events_that_make_no_sense(shop):
    order = str(uuid.uuid4())
    for body, status, field in (
        (event_of(order), 404, "key"),
        (event_of("nobody"), 400, "key"),
        (event_of(order, charge="pending"), 400, "state"),
        ("{}", 400, "id"),
        ("[", 400, None),
        (event_of(order) + " " * 5000, 413, None),
    ):
        refused = send(shop, body, signature(shop, body))
        assert refused.status == status, refused
        assert field is None or refused.body["field"] == field


def test_a_paid_order_is_refunded(shop):
    sale, order, token = buy(shop, shop.make_sale(units=2))
    assert shop.pay(order, token).status == 200
    refunded = shop.cancel(order, token)
    assert (refunded.status, refunded.body["state"]) == (200, "refunded")
    assert shop.cancel(order, token).body["state"] == "refunded", "twice is harmless"
    wait_until(
        lambda: ledger(shop, order) == "refunded", SOON_SECONDS, what="the money is given back"
    )
    assert shop.sale(sale)["remaining"] == 1, "the unit doesn't come back to the sale"
    assert shop.buy(sale, token).code == "limit_reached", "and counts toward the limit"
    refused = shop.pay(order, token)
    assert (refused.status, refused.code) == (409, "refunded")
    assert shop.cancel(order, shop.customer()).status == 404


def test_the_units_of_a_refund_go_to_products_stock(shop):
    product = shop.make_product(stock=5)
    sale, order, token = buy(shop, shop.make_sale(units=3, product_id=product))
    assert shop.pay(order, token).status == 200
    assert shop.cancel(order, token).body["state"] == "refunded"

    def returned():
        return shop.shop.postgres.ask(
            "select coalesce(sum(quantity), 0) from product.stock_ledger"
            f" where product_id = '{product}' and kind = 'return'"
        )

    wait_until(lambda: returned() == "1", SOON_SECONDS, what="the unit was returned")
    shop.settle(sale)
    stock = f"select stock, reserved from product.products where id = '{product}'"
    wait_until(
        lambda: shop.shop.postgres.ask(stock) == "5|0", SOON_SECONDS, what="all units are in stock"
    )


def test_a_paid_order_is_refunded_after_its_sale_was_settled(shop):
    sale, order, token = buy(shop, shop.make_sale(units=3))
    assert shop.pay(order, token).status == 200
    assert shop.settle(sale)["sold"] == 1
    assert shop.cancel(order, token).body["state"] == "refunded"
    wait_until(
        lambda: ledger(shop, order) == "refunded", SOON_SECONDS, what="the money is given back"
    )
    assert shop.sale(sale)["sold"] == 1, "a refunded unit counts as sold"
    shop.audit()


def test_a_provider_that_is_away_costs_no_hold(shop):
    _, order, token = buy(shop)
    shop.shop.launcher.kill("payment")
    try:
        refused = shop.pay(order, token)
        assert (refused.status, refused.code) == (503, "payment_unavailable")
        assert "retry-after" in refused.headers
        assert state(shop, order, token) == "reserved"
        assert buy(shop)[1], "purchases go on"
    finally:
        revive(shop)
    wait_until(
        lambda: shop.pay(order, token).status == 200, SOON_SECONDS, what="the same hold is paid"
    )


def test_a_provider_that_is_away_costs_no_ordinary_order(shop):
    order, token = order_ordinarily(shop)
    shop.shop.launcher.kill("payment")
    try:
        refused = shop.pay(order, token)
        assert (refused.status, refused.code) == (503, "payment_unavailable")
        assert state(shop, order, token) == "reserved"
    finally:
        revive(shop)
    wait_until(
        lambda: shop.pay(order, token).status == 200, SOON_SECONDS, what="the same order is paid"
    )


def test_a_verdict_that_got_lost_is_asked_for(shop):
    """Neither the answer nor a webhook comes."""
    _, order, token = buy(shop)
    shop.shop.rooms.overrides["payment"] = {"LATE_WEBHOOK_MS": "600000"}
    revive(shop, stop=True)
    try:
        assert shop.pay(order, token, "sandbox:silent").status in (200, 202)
        wait_for(shop, order, token, "paid")
        assert webhooks(shop, order, "delivered_at is null") == 1
    finally:
        shop.shop.rooms.overrides.pop("payment")
        revive(shop, stop=True)


def test_no_money_is_kept_of_a_payment_that_lapsed(shop):
    """The verdict comes after the attempt's time: units are gone, so the money goes back."""
    sale, order, token = buy(shop, shop.make_sale(units=1))
    shop.shop.rooms.overrides["payment"] = {"SLOW_VERDICT_MS": "600000"}
    revive(shop, stop=True)
    try:
        assert shop.pay(order, token, "sandbox:slow").status == 202
        wait_until(
            lambda: ledger(shop, order) == "voided", 20, what="the attempt lapsed and is voided"
        )
    finally:
        shop.shop.rooms.overrides.pop("payment")
        revive(shop, stop=True)
    wait_until(
        lambda: shop.buy(sale, shop.customer()).status == 201, SOON_SECONDS, what="the unit is back"
    )
    late = event_of(order)
    # As if the provider had charged all the same.
    shop.shop.postgres.ask(
        "update sandbox.charges set state = 'charged', amount_cents = 4900, currency = 'EUR'"
        f" where provider_key = '{order}:1' returning 1"
    )
    assert send(shop, late, signature(shop, late)).body["outcome"] == "refund_due"
    wait_until(
        lambda: ledger(shop, order) == "refunded", 20, what="the money is given back"
    )


def test_orders_and_the_providers_ledger_agree_in_the_end(shop):
    wait_until(
        lambda: shop.shop.postgres.ask(
            "select count(*) from orders.payment_attempts where state in (0, 3, 5)"
        )
        == "0",
        30,
        what="every attempt is done",
    )
    shop.audit()


def revive(shop, stop=False):
    if stop:
        shop.shop.launcher.stop(["payment"], grace_seconds=10)
    shop.shop.rooms.start_one("payment")
    wait_until(lambda: shop.shop.rooms.is_ready("payment"), SOON_SECONDS, what="payment is ready")
