"""Customers check out while something dies. Afterwards each answer must have been true, each key
has one order, and both rooms' books agree."""

import http.client
import os
import random
import signal
import threading
import time
import uuid

import pytest

from shop.waiting import wait_until

SHOPPERS = 12
PRODUCTS = 6
STOCK = 100_000
SECONDS = 7
FAULT_AT = 2
QUIET_SECONDS = 25
ANSWERED_SECONDS = 20
PAUSE_SECONDS = 0.1
# Of each shopper, unpaid: fewer than ORDER_OPEN_MAX allows.
LEFT_OPEN_MAX = 10
# So that what product never answers is given up while a test waits for it, and not before two pods
# that were killed are back on a busy machine.
ORDER_VARIABLES = {"ORDER_PLACING_MS": "15000"}
GIVEN_UP_SECONDS = 30
# What a pod claims when product doesn't answer is claimed again after ten seconds.
CLAIMED_AGAIN_SECONDS = 25


@pytest.fixture(scope="module", autouse=True)
def order_pods(shop):
    rooms = shop.shop.rooms
    for pod in ("order-1", "order-2"):
        shop.shop.launcher.stop([pod], grace_seconds=10)
        rooms.overrides[pod] = ORDER_VARIABLES
        rooms.start_one(pod)
    rooms.wait_ready()
    yield
    for pod in ("order-1", "order-2"):
        rooms.overrides.pop(pod)


@pytest.fixture(autouse=True)
def whole_again(shop):
    yield
    shop.revive()


class Shopper(threading.Thread):
    """Orders, pays or cancels again and again; asks again, with the same key, until answered."""

    def __init__(self, shop, products, until):
        super().__init__(daemon=True)
        self._shop = shop
        self._token = shop.customer()
        self._products = products
        self._until = until
        self.told = {}  # order: the last state that an answer named
        self.keys = {}  # key: every order that an answer under it named
        self.unanswered = 0
        self.trouble = None

    def run(self):
        try:
            self._shop_on()
        except Exception as trouble:
            self.trouble = trouble  # for the thread that may fail the test

    def _shop_on(self):
        while time.monotonic() < self._until:
            key, chosen = str(uuid.uuid4()), random.sample(self._products, 2)
            lines = [{"product_id": one, "quantity": 1} for one in chosen]
            for _ in range(random.choice((1, 1, 1, 2))):  # some click twice
                placed = self._ask("POST", "/api/v1/orders", {"lines": lines}, key)
                if placed is None:
                    continue
                assert placed.status in (200, 201), placed
                self.keys.setdefault(key, set()).add(placed.body["order_id"])
            for order in self.keys.get(key, ()):
                self.told[order] = placed.body["state"] if placed else "reserved"
                self._decide(order)

    def _decide(self, order):
        chance = random.random()
        if chance < 0.1 and list(self.told.values()).count("reserved") < LEFT_OPEN_MAX:
            return
        if chance < 0.9:
            self._settle(order, "pay", {"payment_method": "sandbox:approve"})
        if chance > 0.75:
            self._settle(order, "cancel", {})

    def _settle(self, order, action, body):
        answer = self._ask("POST", f"/api/v1/orders/{order}/{action}", body)
        if answer is None:
            self.told.pop(order, None)  # who knows
        elif answer.status == 200:
            self.told[order] = answer.body["state"]
        else:
            assert answer.code in ("expired", "cancelled", "refunded"), answer
            self.told[order] = answer.code

    def _ask(self, method, path, body, key=None):
        """The definite answer; None if there was none in time."""
        patience = time.monotonic() + ANSWERED_SECONDS
        while time.monotonic() < patience:
            try:
                answer = self._shop.request(method, path, token=self._token, body=body, key=key)
                undecided = answer.status in (202, 429, 503) or (
                    answer.status == 409 and answer.code in ("paying", "placing")
                )
                if not undecided and answer.status < 500:
                    return answer
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(PAUSE_SECONDS)
        self.unanswered += 1
        return None


def check_out(shop, fault):
    """Runs shoppers, and `fault` in the midst of them."""
    products = [shop.make_product(stock=STOCK) for _ in range(PRODUCTS)]
    until = time.monotonic() + SECONDS
    shoppers = [Shopper(shop, products, until) for _ in range(SHOPPERS)]
    for shopper in shoppers:
        shopper.start()
    time.sleep(FAULT_AT)
    fault()
    for shopper in shoppers:
        shopper.join(SECONDS + 4 * ANSWERED_SECONDS)
        assert not shopper.is_alive(), "a shopper came to no end"
        if shopper.trouble:
            raise shopper.trouble
    assert sum(shopper.unanswered for shopper in shoppers) == 0
    wait_until(lambda: unfinished(shop) == 0, QUIET_SECONDS, what="all is finished")
    check_answers(shop, shoppers)
    check_stock(shop, products)
    shop.audit()


def unfinished(shop):
    return int(
        shop.shop.postgres.ask(
            "select (select count(*) from orders.ordinary_orders where state in (1, 6))"
            " + (select count(*) from orders.work_items where done_at is null)"
            " + (select count(*) from orders.payment_attempts where state in (0, 3, 5))"
        )
    )


def check_answers(shop, shoppers):
    states = ("reserved", "paying", "paid", "cancelled", "expired", "refunded")
    rows = shop.shop.postgres.ask("select id, state from orders.ordinary_orders").splitlines()
    stored = dict(row.split("|") for row in rows)
    told = {order: state for shopper in shoppers for order, state in shopper.told.items()}
    assert len(told) > SHOPPERS, "hardly anybody could order"
    wrong = {
        order: (state, stored.get(order))
        for order, state in told.items()
        if stored.get(order) != str(states.index(state))
    }
    assert not wrong
    for shopper in shoppers:
        assert all(len(orders) == 1 for orders in shopper.keys.values()), "a key has two orders"


def check_stock(shop, products):
    """Product's stock is what it was at first less what was sold, counted from the orders."""
    listed = ", ".join(f"'{product}'" for product in products)
    assert "" == shop.shop.postgres.ask(
        f"""select p.id, p.stock, p.reserved, o.sold, o.held
            from product.products p
            left join (
                select l.product_id, sum(l.quantity) filter (where o.state = 2) as sold,
                       sum(l.quantity) filter (where o.state = 0) as held
                from orders.ordinary_order_lines l
                join orders.ordinary_orders o on o.id = l.order_id group by 1
            ) o on o.product_id = p.id
            where p.id in ({listed}) and (p.stock <> {STOCK} - coalesce(o.sold, 0)
                or p.reserved <> coalesce(o.held, 0))"""
    )


def test_order_processes_are_killed_while_customers_check_out(shop):
    def fault():
        shop.shop.launcher.kill("order-1")
        time.sleep(1.5)
        shop.shop.rooms.start_one("order-1")
        time.sleep(1.5)
        shop.shop.launcher.kill("order-2")
        time.sleep(1)
        shop.revive()

    check_out(shop, fault)


def test_product_is_killed_while_customers_check_out(shop):
    def fault():
        for _ in range(2):
            shop.shop.launcher.kill("product")
            time.sleep(1)
            shop.revive()
            time.sleep(0.5)

    check_out(shop, fault)


def test_postgres_is_killed_while_customers_check_out(shop):
    def fault():
        shop.shop.launcher.kill("postgres")
        time.sleep(0.5)
        shop.revive()

    check_out(shop, fault)


class Stopped:
    """A process that doesn't answer for as long as this lasts."""

    def __init__(self, shop, name):
        self._pid = shop.shop.launcher.pid(name)

    def __enter__(self):
        os.kill(self._pid, signal.SIGSTOP)

    def __exit__(self, *_):
        os.kill(self._pid, signal.SIGCONT)


def kill_order_pods(shop):
    for pod in ("order-1", "order-2"):
        shop.shop.launcher.kill(pod)


def order_of(shop, token, product, key):
    body = {"lines": [{"product_id": product, "quantity": 2}]}
    return shop.request("POST", "/api/v1/orders", token=token, key=key, body=body)


def state_of(shop, order, token):
    return shop.request("GET", f"/api/v1/orders/{order}", token=token).body["state"]


def test_an_order_that_product_answered_too_late_is_finished_by_another_pod(shop):
    token, product, key = shop.customer(), shop.make_product(stock=5), str(uuid.uuid4())
    with Stopped(shop, "product"):
        unknown = order_of(shop, token, product, key)
        assert (unknown.status, unknown.code) == (503, "unknown")
        [order] = shop.request("GET", "/api/v1/orders", token=token).body["orders"]
        assert order["state"] == "placing"
        assert shop.cancel(order["order_id"], token).code == "placing"
        kill_order_pods(shop)
    shop.revive()
    wait_until(
        lambda: state_of(shop, order["order_id"], token) == "reserved",
        CLAIMED_AGAIN_SECONDS,
        what="it is reserved",
    )
    again = order_of(shop, token, product, key)
    assert (again.status, again.body["order_id"]) == (200, order["order_id"])
    shop.cancel(order["order_id"], token)
    shop.audit()


def test_an_order_that_product_never_answered_is_given_up_and_its_key_is_free(shop):
    token, product, key = shop.customer(), shop.make_product(stock=2), str(uuid.uuid4())
    with Stopped(shop, "product"):
        assert order_of(shop, token, product, key).status == 503
        [order] = shop.request("GET", "/api/v1/orders", token=token).body["orders"]
        wait_until(
            lambda: state_of(shop, order["order_id"], token) == "refused",
            GIVEN_UP_SECONDS,
            what="it is given up",
        )
    # The late request may have set the units aside: then they are let go first.
    wait_until(
        lambda: order_of(shop, token, product, key).status == 201,
        CLAIMED_AGAIN_SECONDS,
        what="the same key orders",
    )
    assert state_of(shop, order["order_id"], token) == "reserved"
    shop.cancel(order["order_id"], token)
    shop.audit()


def test_an_approved_payment_is_settled_by_another_pod(shop):
    token, product = shop.customer(), shop.make_product(stock=5)
    order = order_of(shop, token, product, str(uuid.uuid4())).body["order_id"]
    with Stopped(shop, "product"):
        undecided = shop.pay(order, token)
        assert (undecided.status, undecided.body["state"]) == (202, "paying")
        assert shop.cancel(order, token).code == "paying"
        kill_order_pods(shop)
    shop.revive()
    wait_until(
        lambda: state_of(shop, order, token) == "paid",
        CLAIMED_AGAIN_SECONDS,
        what="the order is paid",
    )
    shop.audit()
