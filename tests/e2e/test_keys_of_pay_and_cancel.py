"""Idempotency-Key on pay and cancel, for orders of both kinds: one key has one answer, also after
the order has moved on, and what comes late under it changes nothing."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from shop.waiting import wait_until

PODS = ("order-1", "order-2")
# Of what workers do on a busy machine.
SOON_SECONDS = 25
CANCEL_KEYS_MAX = 100


def new_key():
    return str(uuid.uuid4())


def order_of_a_sale(shop, token):
    return shop.buy(shop.make_sale(), token).body["order_id"]


def ordinary_order(shop, token):
    body = {"lines": [{"product_id": shop.product_id, "quantity": 1}]}
    placed = shop.request("POST", "/api/v1/orders", token=token, key=new_key(), body=body)
    return placed.body["order_id"]


@pytest.fixture(params=[order_of_a_sale, ordinary_order], ids=["sale", "ordinary"])
def order(request, shop):
    """(order, its customer's token)"""
    token = shop.customer()
    return request.param(shop, token), token


@pytest.fixture(scope="module")
def slow_verdicts(shop):
    """Long enough for a cancel to find the payment under way on a busy machine, too."""
    with (
        shop.shop.rooms.changed(PODS, {"PAYING_MS": "60000"}),
        shop.shop.rooms.changed(("payment",), {"SLOW_VERDICT_MS": "6000"}),
    ):
        yield


def state(shop, order, token):
    return shop.request("GET", f"/api/v1/orders/{order}", token=token).body["state"]


def charges(shop, order):
    return shop.shop.postgres.ask(
        "select string_agg(state, ' ' order by created_at) from sandbox.charges"
        f" where provider_key like '{order}:%'"
    )


def keys_of(shop, order):
    sql = f"select count(*) from orders.order_keys where order_id = '{order}'"
    return int(shop.shop.postgres.ask(sql))


@contextmanager
def sales_out_of_reach(shop):
    """The database refuses whatever order asks of a sale's row, and certainly does none of it."""
    function = "orders.sale_apply_v1"
    shop.shop.postgres.ask(f"revoke execute on function {function} from orders")
    try:
        yield
    finally:
        shop.shop.postgres.ask(f"grant execute on function {function} to orders")


def test_a_paid_key_stays_paid(shop, order):
    order, token = order
    key = new_key()
    first = shop.pay(order, token, key=key)
    assert (first.status, first.body["state"]) == (200, "paid")
    assert shop.cancel(order, token).body["state"] == "refunded"
    for pod in PODS:
        again = shop.pay(order, token, key=key, room=pod)
        assert (again.status, again.body) == (200, first.body)
    assert shop.pay(order, token).code == "refunded", "without a key the order's state answers"
    assert shop.pay(order, token, key=new_key()).code == "refunded"
    wait_until(lambda: charges(shop, order) == "refunded", SOON_SECONDS, what="the money went back")


def test_a_declined_key_stays_declined(shop, order):
    order, token = order
    key = new_key()
    assert shop.pay(order, token, "sandbox:decline", key=key).status == 402
    assert shop.pay(order, token, key=new_key()).status == 200
    again = shop.pay(order, token, "sandbox:decline", key=key)
    assert (again.status, again.code) == (402, "declined")
    assert charges(shop, order) == "declined charged"


def test_a_key_is_for_one_request(shop, order):
    order, token = order
    key = new_key()
    assert shop.pay(order, token, "sandbox:decline", key=key).status == 402
    other_method = shop.pay(order, token, "sandbox:approve", key=key)
    assert (other_method.status, other_method.code) == (422, "key_reused")
    assert other_method.body["field"] == "header Idempotency-Key"
    assert state(shop, order, token) == "reserved"
    another = ordinary_order(shop, token)
    assert shop.pay(another, token, "sandbox:decline", key=key).code == "key_reused"
    cancelled = shop.cancel(order, token, key=key)
    assert cancelled.body["state"] == "cancelled", "cancel has its own keys"
    for other in (another, order_of_a_sale(shop, token)):
        assert shop.cancel(other, token, key=key).code == "key_reused"
        assert state(shop, other, token) == "reserved"


def test_a_bad_key_is_named(shop, order):
    order, token = order
    for refused in (
        shop.pay(order, token, key="with space"),
        shop.cancel(order, token, key="k" * 129),
    ):
        assert (refused.status, refused.code) == (400, "invalid_field")
        assert refused.body["field"] == "header Idempotency-Key"
    assert state(shop, order, token) == "reserved"


def test_a_refused_cancel_refunds_nothing_later(shop, order, slow_verdicts):
    """The first try stalls, the second is answered "paying": whenever the first one comes through,
    it is told the same."""
    order, token = order
    key = new_key()
    assert shop.pay(order, token, "sandbox:slow").status == 202
    refused = shop.cancel(order, token, key=key)
    assert (refused.status, refused.code) == (409, "paying")
    assert "retry-after" not in refused.headers and "new key" in refused.body["detail"]
    unbound = shop.cancel(order, token)
    assert (unbound.status, unbound.code) == (409, "paying")
    assert "retry-after" in unbound.headers, "without a key the same request may succeed"
    wait_until(
        lambda: state(shop, order, token) == "paid", SOON_SECONDS, what="the order is paid"
    )
    for pod in PODS:
        late = shop.cancel(order, token, key=key, room=pod)
        assert (late.status, late.code) == (409, "paying")
    assert state(shop, order, token) == "paid"
    assert shop.cancel(order, token, key=new_key()).body["state"] == "refunded"


def test_a_cancel_has_a_hundred_keys(shop, order, slow_verdicts):
    order, token = order
    keys = [new_key() for _ in range(CANCEL_KEYS_MAX)]
    assert shop.pay(order, token, "sandbox:slow").status == 202
    with ThreadPoolExecutor(10) as pool:
        refused = list(pool.map(lambda key: shop.cancel(order, token, key=key).code, keys))
    assert refused == ["paying"] * CANCEL_KEYS_MAX
    for pod in PODS:
        one_more = shop.cancel(order, token, key=new_key(), room=pod)
        assert (one_more.status, one_more.code) == (409, "too_many_keys")
        assert one_more.body["field"] == "header Idempotency-Key"
    assert shop.cancel(order, token).code == "paying"
    wait_until(
        lambda: state(shop, order, token) == "paid", SOON_SECONDS, what="the order is paid"
    )
    assert shop.cancel(order, token, key=new_key()).code == "too_many_keys"
    assert shop.cancel(order, token, key=keys[0]).code == "paying"
    assert state(shop, order, token) == "paid"
    assert shop.cancel(order, token).body["state"] == "refunded", "without a key"
    assert shop.cancel(order, token, key=new_key()).body["state"] == "refunded", "that is final"
    assert shop.cancel(order, token, key=keys[0]).code == "paying"
    assert keys_of(shop, order) == CANCEL_KEYS_MAX
    wait_until(lambda: charges(shop, order) == "refunded", SOON_SECONDS, what="the money went back")


def test_a_cancel_key_is_free_after_busy(shop):
    """Had the first try left anything, the key would be one that never refunds."""
    token, key = shop.customer(), new_key()
    order = order_of_a_sale(shop, token)
    with sales_out_of_reach(shop):
        for pod in PODS:
            busy = shop.cancel(order, token, key=key, room=pod)
            assert (busy.status, busy.code) == (503, "busy")
            assert "retry-after" in busy.headers
            assert keys_of(shop, order) == 0
    assert shop.pay(order, token).body["state"] == "paid"
    for pod in PODS:
        done = shop.cancel(order, token, key=key, room=pod)
        assert (done.status, done.body["state"]) == (200, "refunded")
    assert keys_of(shop, order) == 1


def test_a_pay_key_is_free_if_the_provider_was_never_asked(shop, order):
    order, token = order
    key = new_key()
    shop.shop.launcher.kill("payment")
    try:
        away = shop.pay(order, token, key=key)
        assert (away.status, away.code) == (503, "payment_unavailable")
        assert (state(shop, order, token), keys_of(shop, order)) == ("reserved", 0)
    finally:
        shop.revive()
    wait_until(
        lambda: shop.pay(order, token, key=key).status == 200,
        SOON_SECONDS,
        what="the same request pays",
    )
    assert (state(shop, order, token), keys_of(shop, order)) == ("paid", 1)
    assert charges(shop, order) == "charged"


def test_a_cancel_key_cancels_once(shop, order):
    order, token = order
    key = new_key()
    for pod in (None, *PODS):
        done = shop.cancel(order, token, key=key, room=pod)
        assert (done.status, done.body["state"]) == (200, "cancelled")
    assert shop.pay(order, token, key=key).code == "cancelled"


def test_clicks_under_one_key_are_one_attempt(shop, order):
    order, token = order
    key = new_key()
    with ThreadPoolExecutor(10) as pool:
        answers = list(
            pool.map(
                lambda number: shop.pay(
                    order, token, "sandbox:decline", key=key, room=PODS[number % 2]
                ),
                range(20),
            )
        )
    assert {answer.status for answer in answers} <= {402, 202}
    wait_until(
        lambda: shop.pay(order, token, "sandbox:decline", key=key).status == 402,
        SOON_SECONDS,
        what="the decline is known",
    )
    attempts = f"select count(*) from orders.payment_attempts where order_id = '{order}'"
    assert shop.shop.postgres.ask(attempts) == "1", "each click without a key is one of its own"
    assert charges(shop, order) == "declined"


def test_nobody_binds_or_reads_another_ones_keys(shop, order):
    order, token = order
    key, other = new_key(), shop.customer()
    first = shop.pay(order, token, key=key)
    assert first.status == 200
    assert shop.pay(order, other, key=key).code == "order_unknown"
    assert shop.cancel(order, other, key=key).code == "order_unknown"
    assert state(shop, order, token) == "paid"
    own = ordinary_order(shop, other)
    paid = shop.pay(own, other, key=key)
    assert (paid.status, paid.body["order_id"]) == (200, own)
    refunded = shop.cancel(own, other, key=key)
    assert (refunded.status, refunded.body["order_id"]) == (200, own)
    again = shop.pay(order, token, key=key)
    assert (again.status, again.body) == (200, first.body), "the owner's answer is his own"


def test_the_books_agree(shop):
    shop.audit()
