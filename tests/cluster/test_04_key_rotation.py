"""Another signing key by `tools/deploy.py rotate-keys` while customers and readers use the shop:
nobody is refused, and the last key ends. For this test tokens live for seconds and rooms fetch the
keys every second, so that what takes twelve minutes in earnest passes within one."""

import time

import pytest
from steady_customers import Traffic

KEYS_FETCHED = "TOKEN_KEYS_REFRESH_MS"
TOKENS_LIVE = "ACCESS_TOKEN_LIFETIME_S"
CALLERS_ARE_CHECKED_IN = ("gateway", "product", "order")
TOKEN_LIFETIME_S = 10
KNOWN_EVERYWHERE_S = 5
PAUSE_SECONDS = 0.5  # all customers have one address here, and the gateway its limits
ROTATION_SECONDS = 60
MARGIN = 3


@pytest.fixture
def quick_keys(shop):
    shop.wait_whole()
    rooms = [f"deployment/{name}" for name in CALLERS_ARE_CHECKED_IN]
    shop.flows.phase("key rotation")
    try:
        shop.kubectl.run("set", "env", *rooms, f"{KEYS_FETCHED}=1000")
        shop.kubectl.run("set", "env", "deployment/auth", f"{TOKENS_LIVE}={TOKEN_LIFETIME_S}")
        shop.disruption.wait_rolled_out(["auth", *CALLERS_ARE_CHECKED_IN])
        shop.wait_whole()
        yield shop
    finally:
        shop.kubectl.run("set", "env", *rooms, f"{KEYS_FETCHED}-")
        shop.kubectl.run("set", "env", "deployment/auth", f"{TOKENS_LIVE}-")
        shop.disruption.wait_rolled_out(["auth", *CALLERS_ARE_CHECKED_IN])
        shop.wait_whole()
        # Whoever makes tokens here reads the Secret anew.
        shop.open()


def kids(shop):
    return [key["kid"] for key in shop.request("GET", "/.well-known/jwks.json").body["keys"]]


def test_a_new_key_refuses_nobody_and_the_old_one_ends(quick_keys, figures):
    shop = quick_keys
    (old,) = kids(shop)
    of_old_key = shop.admin_token()  # lives for ten minutes, longer than the rotation
    assert shop.request("GET", "/api/v1/orders", token=of_old_key).status == 200
    shop.prober.begin()
    with Traffic(shop, PAUSE_SECONDS) as traffic:
        began = time.monotonic()
        said = shop.deploy(
            "rotate-keys",
            "--known-everywhere-s", str(KNOWN_EVERYWHERE_S),
            "--token-lifetime-s", str(TOKEN_LIFETIME_S),
        )  # fmt: skip
        seconds = time.monotonic() - began
        asked = traffic.asked
    readers = shop.prober.begin()
    figures.measure("signing key changed, tokens of 10 s", seconds, "s", ROTATION_SECONDS)
    assert traffic.refused == [], traffic.refused[:5]
    assert not readers.failures, str(readers)
    assert asked > 100 and readers.asked > 100
    assert "PRIVATE" not in said
    (new,) = kids(shop)
    assert new != old
    assert shop.request("GET", "/api/v1/auth/me", token=of_old_key).code == "token_invalid"
    assert seconds < MARGIN * ROTATION_SECONDS


def test_the_shop_goes_on_with_the_new_key(shop):
    sale, customer = shop.make_sale(units=3), shop.customer()
    bought = shop.buy(sale, customer)
    assert bought.status == 201, bought
    # Or the sale would wait for the end of its hold.
    paid = shop.pay(bought.body["order_id"], customer)
    assert paid.status == 200, paid
    shop.settle(sale)
    shop.audit()
