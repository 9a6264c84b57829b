"""Another signing key while the shop is in use: nobody is refused, and the old key ends."""

import signal
import subprocess
import threading
import time
import uuid

import pytest
from shop_under_test import LocalShopUnderTest
from steady_customers import PASSWORD, PAUSE_SECONDS, Traffic

from shop import processes
from shop.rooms import program
from shop.waiting import wait_until

TOKEN_LIFETIME_S = 10
KNOWN_EVERYWHERE_S = 5
ROTATION_SECONDS = 120
FREE_GUESSES = 5  # of one address for one account


@pytest.fixture(scope="module")
def quick_shop():
    """A shop whose tokens live for seconds, and whose rooms fetch keys every second."""
    processes.end_in_order_on_signals()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    under_test = LocalShopUnderTest("key-rotation")
    overrides = under_test.shop.rooms.overrides
    for name in under_test.shop.rooms.ports:
        overrides[name] = {"TOKEN_KEYS_REFRESH_MS": "1000"}
    overrides["auth"]["ACCESS_TOKEN_LIFETIME_S"] = str(TOKEN_LIFETIME_S)
    try:
        under_test.start()
        yield under_test
    finally:
        under_test.stop()


class Rotation:
    """`doorbuster keys rotate`, and when it said what."""

    def __init__(self, shop, *, known_everywhere=KNOWN_EVERYWHERE_S):
        command = [program("doorbuster"), "keys", "rotate"]
        command += ["--known-everywhere-s", known_everywhere]
        command += ["--token-lifetime-s", TOKEN_LIFETIME_S, "--patience-s", 30]
        self.lines = []
        self._process = subprocess.Popen(
            [str(part) for part in command],
            env=shop.shop.operator_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=processes.die_with_this_process(9),
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            self.lines.append((time.monotonic(), line.rstrip()))

    def text(self):
        return "\n".join(line for _, line in self.lines)

    def said(self, what):
        """When; None if not yet."""
        return next((moment for moment, line in self.lines if what in line), None)

    def kill(self):
        self._process.kill()
        self._process.wait()

    def finish(self):
        assert self._process.wait(timeout=ROTATION_SECONDS) == 0, self.text()
        self._reader.join(5)


class Watch:
    """Asks with one token until it is refused, and knows when that was."""

    def __init__(self, shop, token):
        self.shop = shop
        self.token = token
        self.answers = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, error, trace):
        self._is_over.set()
        self._thread.join(20)

    def _run(self):
        while not self._is_over.wait(PAUSE_SECONDS):
            answer = self.shop.request("GET", "/api/v1/orders", token=self.token)
            self.answers.append((time.monotonic(), answer.status))

    def refused_at(self):
        return next((moment for moment, status in self.answers if status != 200), None)


class Device:
    """One that has logged in before the rotation; strangers' guesses never slow it down."""

    def __init__(self, shop):
        self._shop = shop
        self._body = {"email": f"{uuid.uuid4()}@example.com", "password": PASSWORD}
        assert shop.request("POST", "/api/v1/auth/register", body=self._body).status == 201
        self._token = self._login().body["device_token"]

    def _login(self, **more):
        return self._shop.request("POST", "/api/v1/auth/login", body=self._body | more)

    def assert_known(self):
        for _ in range(FREE_GUESSES):
            assert self._login(password="not the password").code == "credentials_wrong"
        assert self._login().code == "too_many_failures"
        assert self._login(device_token=self._token).status == 200


def kids(shop):
    return [key["kid"] for key in shop.request("GET", "/.well-known/jwks.json").body["keys"]]


def test_a_new_key_refuses_nobody_and_the_old_one_ends(quick_shop):
    shop = quick_shop
    (old,) = kids(shop)
    known = Device(shop)
    of_old_key = shop.shop.admin_token()  # lives for ten minutes, longer than the rotation
    with Traffic(shop) as traffic, Watch(shop, of_old_key) as watch:
        begun = Rotation(shop, known_everywhere=600)
        wait_until(lambda: begun.said("waiting 600 s"), 30, what="the next key is published")
        assert kids(shop) == [old, *set(kids(shop)) - {old}], "the old one still signs"
        begun.kill()

        rotation = Rotation(shop)
        wait_until(lambda: rotation.said("going on"), 30, what="it goes on")
        rotation.finish()
        wait_until(lambda: watch.refused_at() is not None, 10, what="the old key's token ends")
    assert traffic.refused == [], traffic.refused[:5]
    assert traffic.asked > 100
    (new,) = kids(shop)
    assert new != old
    waited_from = rotation.said("until tokens of the last key have expired")
    assert watch.refused_at() - waited_from > TOKEN_LIFETIME_S, "not before its tokens had expired"
    assert watch.answers[-1][1] == 401
    assert shop.request("GET", "/api/v1/auth/me", token=of_old_key).code == "token_invalid"
    assert shop.request("GET", "/api/v1/orders", token=shop.shop.admin_token()).status == 200
    assert "PRIVATE" not in begun.text() + rotation.text()
    assert "settled" in shop.shop.command("keys", "status")
    known.assert_known()


def test_two_changes_at_once_are_one(quick_shop):
    first = Rotation(quick_shop, known_everywhere=600)
    try:
        wait_until(lambda: first.said("waiting 600 s"), 30, what="the next key is published")
        second = Rotation(quick_shop)
        with pytest.raises(AssertionError, match="another command changes the keys"):
            second.finish()
    finally:
        first.kill()
