"""The shop that is measured: its customers, its sales, the crowd, and what stands in for order."""

import json
import subprocess
import time
import urllib.request
import uuid
from datetime import datetime, timedelta, timezone

from bench import catalogue, memory, wrk
from shop.door import Door
from shop.ports import LOOPBACK, random_free
from shop.processes import die_with_this_process
from shop.rooms import LIMITS_OUT_OF_REACH, ROOMS, RoomPorts, program
from shop.tiers import TierMeter, spent
from shop.trouble import Trouble
from shop.waiting import end_of, wait_until

CROWD_LIMIT_SECONDS = 120
ANSWER_LIMIT_MS = 10_000
READY_SECONDS = 30
READY_POLL_SECONDS = 0.005
STOP_SECONDS = 10
STOCK = 10_000_000
LIMIT_PER_CUSTOMER = 1000
HOLD_MS = 1_200_000
BASELINE_ROLE = "baseline"
# Answers that leave it to the next one with the same key what became of a purchase. Busy, too: the
# pod that says so may be the second one that was asked.
UNDECIDED = ("unknown", "busy", "upstream_unavailable")

# Rights and pinned plans as those of the shop's functions: a table that grows from nothing would
# otherwise be scanned by a plan that was made while it was empty.
BASELINE_RIGHTS = """
CREATE ROLE {role} LOGIN PASSWORD '{password}' IN ROLE orders;
GRANT UPDATE ON orders.sale_units TO {role};
GRANT INSERT ON orders.sale_orders TO {role};
ALTER ROLE {role} SET plan_cache_mode = force_generic_plan;
ALTER ROLE {role} SET enable_seqscan = off;
ALTER ROLE {role} SET enable_bitmapscan = off;
ALTER ROLE {role} SET enable_hashjoin = off;
ALTER ROLE {role} SET enable_mergejoin = off;
"""


class BenchShop:
    def __init__(self, shop):
        """The shop is started after this."""
        shop.rooms.overrides["gateway"] = LIMITS_OUT_OF_REACH
        self.shop = shop
        self.meter = TierMeter(shop.launcher)
        self.customers = shop.state.secrets / "customers.jsonl"
        self.few_customers = shop.state.secrets / "few-customers.jsonl"
        self.products = shop.state.path / "products.txt"
        self.logins = shop.state.secrets / "logins.tsv"
        self.token = None
        self._door = None
        self._product = None
        self._crowds = 0

    # -- people and sales ----------------------------------------------------------------------

    def seed(self, count, few):
        """Customers whom no room has met, and the first `few` of them in a file of their own."""
        self.shop.command("customers", "seed", "--count", count, "--out", self.customers)
        lines = self.customers.read_text().splitlines(keepends=True)
        self.few_customers.touch(mode=0o600)
        self.few_customers.write_text("".join(lines[:few]))
        self.token = json.loads(lines[0])["token"]
        self._door = Door(self.shop.url(), self.shop.admin_token())
        made = {"name": f"Bench article {uuid.uuid4()}", "description": "", "category": "bench"}
        made |= {"price_cents": 9900, "currency": "EUR", "initial_stock": STOCK}
        self._product = self._door.post("/api/v1/products", made)["id"]

    def open_sale(self, units):
        now = datetime.now(timezone.utc)
        terms = {
            "product_id": self._product,
            "name": "A sale of the bench",
            "units": units,
            "unit_price_cents": 4900,
            "currency": "EUR",
            "starts_at": _timestamp(now - timedelta(seconds=1)),
            "ends_at": _timestamp(now + timedelta(hours=1)),
            "units_per_customer": LIMIT_PER_CUSTOMER,
            "holds_per_customer": LIMIT_PER_CUSTOMER,
            "hold_ms": HOLD_MS,
        }
        sale = self._door.post("/api/v1/flash-sales", terms)["id"]
        wait_until(
            lambda: self._door.get(f"/api/v1/flash-sales/{sale}")["state"] == "running",
            READY_SECONDS,
            what=f"sale {sale} is running",
        )
        return sale

    def units_gone(self, sale):
        """Units that PostgreSQL says were taken from the sale's row."""
        return int(self.shop.postgres.ask(
            "SELECT s.allotted - u.remaining FROM orders.sales s"
            f" JOIN orders.sale_units u USING (sale_no) WHERE s.id = '{uuid.UUID(sale)}'"
        ))  # fmt: skip

    # -- goods and accounts --------------------------------------------------------------------

    def stock_catalogue(self):
        file = self.shop.state.path / "catalogue.csv"
        catalogue.write_csv(file)
        self.shop.command("catalogue", "import", file)
        # Not those that sales are made of.
        ids = self.shop.postgres.ask("SELECT id FROM product.products WHERE category <> 'bench'")
        if len(ids.split()) < catalogue.PRODUCTS:
            raise Trouble(f"{len(ids.split())} products were imported, not {catalogue.PRODUCTS}")
        self.products.write_text(ids + "\n")

    def page_paths(self, pages, size):
        """The catalogue from its newest product on, as its cursors lead through it."""
        paths = [f"/api/v1/products?limit={size}"]
        while len(paths) < pages:
            cursor = self._door.get(paths[-1])["next_cursor"]
            paths.append(f"/api/v1/products?limit={size}&cursor={cursor}")
        return paths

    def logins_file(self, count):
        """Logins of accounts that have registered, for wrk."""
        if not self.logins.exists():
            password = self.shop.state.secret("login-password")
            people = [{"email": f"{n}@bench.example", "password": password} for n in range(count)]
            for one in people:
                self._door.post("/api/v1/auth/register", one)
            logins = [("POST", "/api/v1/auth/login", json.dumps(one)) for one in people]
            wrk.write_requests(self.logins, logins)
        return self.logins

    def orders_paid(self):
        """Ordinary orders that PostgreSQL says are paid."""
        paid = "SELECT count(*) FROM orders.ordinary_orders_shown WHERE state = 2"
        return int(self.shop.postgres.ask(paid))

    # -- load ----------------------------------------------------------------------------------

    def crowd(self, sale, *options, at="gateway", few=False):
        """The crowd's report, at a sale or, without one, of ordinary orders."""
        self._crowds += 1
        logs = self.shop.state.logs
        report = logs / f"crowd-{self._crowds}.json"
        errors = logs / f"crowd-{self._crowds}.log"
        command = [program("crowd"), "--gateway", f"{LOOPBACK}:{self.port(at)}"]
        command += ["--sale", sale] if sale else ["--products", self.products]
        command += ["--customers", self.few_customers if few else self.customers]
        command += [] if "--arrival" in options else ["--arrival", "closed"]
        command += ["--request-timeout-ms", ANSWER_LIMIT_MS]
        command += ["--report", report, *options]
        with open(errors, "w") as output:
            done = subprocess.run(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=CROWD_LIMIT_SECONDS,
                preexec_fn=die_with_this_process(9),
            )
        if done.returncode != 0:
            raise Trouble(f"the crowd ended with {done.returncode}\n{end_of(errors)}")
        return json.loads(report.read_text())

    def require_all_sold(self, sale, report, gone_before=0):
        """An acknowledged purchase that is not in the row, or a unit that nobody asked for, makes
        every figure worthless."""
        acknowledged = report["purchases"]["units"]
        answers = report["answers"]["take"]
        unanswered = report["exchanges"]["unanswered"]
        unanswered += sum(answers.get(code, 0) for code in UNDECIDED)
        gone = self.units_gone(sale) - gone_before
        if not acknowledged <= gone <= acknowledged + unanswered:
            raise Trouble(
                f"{acknowledged} purchases were acknowledged, {gone} units are gone, {unanswered}"
                " answers are missing"
            )

    def spent_since(self, before):
        """Seconds of CPU time by tier since `meter.read()` said so."""
        return spent(before, self.meter.read())

    def answer_body(self, name, path):
        with urllib.request.urlopen(f"http://{LOOPBACK}:{self.port(name)}{path}", timeout=5) as got:
            return got.read()

    # -- processes -----------------------------------------------------------------------------

    def port(self, name):
        return self.shop.rooms.ports[name].serving

    def restart_rooms(self):
        """Milliseconds from the first room's start until all are ready, with nothing known."""
        self.shop.rooms.stop()
        begin = time.monotonic()
        self.shop.rooms.start()
        self.wait_ready(ROOMS)
        return (time.monotonic() - begin) * 1000

    def wait_ready(self, names):
        deadline = time.monotonic() + READY_SECONDS
        for name in names:
            while not self.shop.rooms.is_ready(name):
                if not self.shop.launcher.is_alive(name) or time.monotonic() > deadline:
                    raise Trouble(f"{name} is not ready\n{end_of(self.shop.state.log(name))}")
                time.sleep(READY_POLL_SECONDS)

    def start_gateway_to(self, name, origin, **variables):
        """A further gateway that takes `origin` for order's only pod."""
        self.start_gateway(name, ORDER_ORIGINS=origin, **variables)

    def start_gateway(self, name, **variables):
        """A further gateway of this shop."""
        self._start_room(name, LIMITS_OUT_OF_REACH | variables)

    def start_baseline(self, name, **variables):
        state = self.shop.state
        url = self.shop.postgres.url(BASELINE_ROLE, state.secret("baseline-database-password"))
        self._start_room(name, {
            "DATABASE_URL_FILE": str(state.secret_file("baseline-database-url", url)),
            "AUTH_ORIGIN": self.shop.rooms.origin("auth"),
            "REDIS_FALLBACK": self.shop.redis.first_address(),
            "REDIS_PASSWORD_FILE": str(state.secret_file("redis-password")),
            **variables,
        })  # fmt: skip

    def stop_rooms(self, names):
        self.shop.launcher.stop(names, grace_seconds=STOP_SECONDS)

    def make_baseline_role(self):
        password = self.shop.state.secret("baseline-database-password")
        for statement in BASELINE_RIGHTS.format(role=BASELINE_ROLE, password=password).split(";\n"):
            if statement.strip():
                self.shop.postgres.ask(statement)

    def _start_room(self, name, variables):
        rooms = self.shop.rooms
        rooms.ports[name] = RoomPorts(*random_free(2))
        rooms.overrides[name] = variables
        rooms.start_one(name)
        self.wait_ready([name])

    # -- memory --------------------------------------------------------------------------------

    def memory_mib(self):
        """By tier. Of PostgreSQL the proportional part: its processes share their buffers."""
        launcher = self.shop.launcher
        redis = [*self.shop.redis.node_ports, *self.shop.redis.sentinel_ports]
        return {
            "rooms": sum(memory.resident_mib(launcher.pid(name)) for name in ROOMS),
            "postgres": sum(
                memory.proportional_mib(pid) for pid in _with_children(launcher.pid("postgres"))
            ),
            "redis": sum(memory.resident_mib(launcher.pid(name)) for name in redis),
        }


def _timestamp(moment):
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _with_children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as listed:
        return [pid, *(int(child) for child in listed.read().split())]
