"""A running shop as tests see it: requests through the gateway, the operator's command, the
crowd."""

import http.client
import json
import os
import subprocess
import time
import urllib.request
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from declared_answers import declared_answers

from shop.ports import LOOPBACK
from shop.processes import die_with_this_process
from shop.rooms import LIMITS_OUT_OF_REACH, program
from shop.shop import Shop
from shop.state_folder import write_private
from shop.waiting import wait_until

# Those of crowds, and those whom customer() hands out.
CROWD = 3000
PEOPLE = 1000
# Tokens live ten minutes; a long run gets new ones in time.
TOKENS_RENEWED_AFTER_SECONDS = 240
SETTLED_WITHIN_SECONDS = 60


@dataclass
class Answer:
    status: int
    headers: dict = field(repr=False)
    text: str

    @property
    def body(self):
        return json.loads(self.text)

    @property
    def code(self):
        return self.body.get("code")


def timestamp(seconds_from_now):
    moment = datetime.now(timezone.utc) + timedelta(seconds=seconds_from_now)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class ShopUnderTest:
    """`shop`: what has operator_environment(), command() and admin_token(); `folder` takes logs and
    reports. A subclass says where the shop's door is: `address`."""

    def __init__(self, shop, folder):
        self.shop = shop
        self.folder = folder
        self.product_id = None
        self.forget_people()

    def forget_people(self):
        """For a shop that has become another: tokens are made anew when they are needed."""
        self._people = []
        self._next_customer = 0
        self._admin_token = None
        self._tokens_made = 0.0

    # -- requests ------------------------------------------------------------------------------

    def request(self, method, path, *, token=None, body=None, key=None, headers=None, room=None):
        """One request on a connection of its own; `room` asks a room past the gateway."""
        connection = http.client.HTTPConnection(*self.address(room), timeout=15)
        fields = dict(headers or {})
        if token:
            fields.setdefault("Authorization", f"Bearer {token}")
        if key:
            fields["Idempotency-Key"] = key
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        if body is not None:
            fields.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, body=body, headers=fields)
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            answer = Answer(response.status, names, response.read().decode())
        finally:
            connection.close()
        declared_answers.saw(method, path, room, answer.status, answer.headers, answer.text)
        return answer

    def metric(self, room, name):
        url = f"http://{LOOPBACK}:{self.shop.rooms.ports[room].health}/metrics"
        with urllib.request.urlopen(url, timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        found = [line.split()[-1] for line in lines if line.startswith(name + " ")]
        assert found, f"{room} has no metric {name}"
        return float(found[0])

    def admin(self, method, path, **arguments):
        return self.request(method, path, token=self.admin_token(), **arguments)

    # -- people --------------------------------------------------------------------------------

    def _renew_tokens(self):
        if time.monotonic() - self._tokens_made < TOKENS_RENEWED_AFTER_SECONDS and self._people:
            return
        everybody = self.folder / "everybody.jsonl"
        self.shop.command("customers", "seed", "--count", CROWD + PEOPLE, "--out", everybody)
        lines = everybody.read_text(encoding="utf-8").splitlines(keepends=True)
        write_private(self.crowd_file(), "".join(lines[:CROWD]))
        self._people = [json.loads(line) for line in lines[CROWD:]]
        self._admin_token = self.shop.admin_token()
        self._tokens_made = time.monotonic()

    def crowd_file(self):
        return self.folder / "crowd.jsonl"

    def admin_token(self):
        self._renew_tokens()
        return self._admin_token

    def customer(self):
        """The token of somebody whom neither a test nor a crowd has met yet."""
        self._renew_tokens()
        return self._next_person()

    def _next_person(self):
        self._next_customer += 1
        assert self._next_customer <= len(self._people), "raise PEOPLE"
        return self._people[self._next_customer - 1]["token"]

    # -- sales ---------------------------------------------------------------------------------

    def make_product(self, stock):
        made = self.admin(
            "POST",
            "/api/v1/products",
            key=str(uuid.uuid4()),
            body={
                "name": f"Test article {uuid.uuid4()}",
                "description": "Sold only here.",
                "category": "tests",
                "price_cents": 9900,
                "currency": "EUR",
                "initial_stock": stock,
            },
        )
        assert made.status == 201, made
        return made.body["id"]

    def make_sale(
        self, units=100, *, limit=1, holds=3, hold_s=60, starts_s=-1, lasts_s=600, **over
    ):
        body = {
            "product_id": self.product_id,
            "name": "A sale of the tests",
            "units": units,
            "unit_price_cents": 4900,
            "currency": "EUR",
            "starts_at": timestamp(starts_s),
            "ends_at": timestamp(starts_s + lasts_s),
            "units_per_customer": limit,
            "holds_per_customer": holds,
            "hold_ms": int(hold_s * 1000),
        } | over
        made = self.admin("POST", "/api/v1/flash-sales", key=str(uuid.uuid4()), body=body)
        assert made.status == 201, made
        return made.body["id"]

    def buy(self, sale, token, *, key=None, quantity=1, **arguments):
        return self.request(
            "POST",
            f"/api/v1/flash-sales/{sale}/orders",
            token=token,
            key=key or str(uuid.uuid4()),
            body={"quantity": quantity},
            **arguments,
        )

    def pay(self, order, token, method="sandbox:approve", **arguments):
        path, body = f"/api/v1/orders/{order}/pay", {"payment_method": method}
        return self.request("POST", path, token=token, body=body, **arguments)

    def cancel(self, order, token, **arguments):
        path = f"/api/v1/orders/{order}/cancel"
        return self.request("POST", path, token=token, body={}, **arguments)

    def sale(self, sale):
        return self.request("GET", f"/api/v1/flash-sales/{sale}").body

    def settle(self, sale):
        """Ends a sale and waits until its units are accounted for."""
        ended = self.admin("POST", f"/api/v1/flash-sales/{sale}/end")
        assert ended.status == 200, ended
        wait_until(
            lambda: self.sale(sale)["state"] == "settled",
            SETTLED_WITHIN_SECONDS,
            what=f"sale {sale} is settled",
        )
        return self.sale(sale)

    # -- the operator's command and the crowd --------------------------------------------------

    def audit(self, log=None):
        """The audit's JSON; fails the test if an invariant is broken."""
        command = [program("doorbuster"), "audit", "--json"]
        if log:
            command += ["--log", log]
        done = subprocess.run(
            [str(part) for part in command],
            env=self.shop.operator_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-2000:]}"
        return json.loads(done.stdout)

    def crowd(self, sale, name, *options):
        """Buyers in a process of their own."""
        self._renew_tokens()
        return Crowd(self, sale, name, options)


class LocalShopUnderTest(ShopUnderTest):
    """A shop of processes on this machine, empty at first."""

    def __init__(self, name="tests"):
        """`name`: another one for each shop that runs at the same time."""
        shop = Shop.make(f"{name}-{os.getpid()}", bound=True)
        # One account makes more requests here than any in a shop; test_limits.py has gateways of
        # its own.
        shop.rooms.overrides["gateway"] = LIMITS_OUT_OF_REACH
        super().__init__(shop, shop.state.path)

    def start(self):
        self.shop.start()
        self.product_id = self.make_product(stock=10_000_000)

    def stop(self):
        self.shop.stop(quickly=True)
        self.shop.state.wipe()

    def revive(self):
        """Starts again whatever a test has ended."""
        for name in self.shop.part_names():
            if self.shop.launcher.is_alive(name):
                continue
            if name == "postgres":
                self.shop.postgres.start()
                self.shop.postgres.wait_ready()
            elif name in self.shop.rooms.ports:
                self.shop.rooms.start_one(name)
        self.shop.rooms.wait_ready()

    def address(self, room=None):
        return LOOPBACK, self.shop.rooms.ports[room or "gateway"].serving


class Crowd:
    def __init__(self, under_test, sale, name, options):
        self.log = under_test.folder / f"{name}.log"
        self.report_file = under_test.folder / f"{name}.json"
        host, port = under_test.address()
        command = [program("crowd"), "--gateway", f"{host}:{port}", "--sale", sale]
        command += ["--customers", under_test.crowd_file(), "--retries"]
        command += ["--log", self.log, "--report", self.report_file, *options]
        self._process = subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=die_with_this_process(9),
        )
        self.started = time.monotonic()

    def wait_until_second(self, second):
        time.sleep(max(0.0, self.started + second - time.monotonic()))

    def abandon(self):
        """Ends it at once, where nobody will read its report."""
        self._process.kill()
        self._process.wait()

    def report(self):
        """Waits for the end and returns what the crowd saw."""
        output, _ = self._process.communicate(timeout=180)
        assert self._process.returncode == 0, output
        return json.loads(self.report_file.read_text())
