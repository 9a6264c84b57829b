#!/usr/bin/env python3
"""Two flash sales on this machine, one of them through the death of the Redis master; then the
audit. Starts everything itself on free ports of 127.0.0.1 and leaves nothing running.

Exits with 1 if an invariant does not hold, with 2 if the demo could not be held.
"""

import argparse
import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

from shop import processes, terminal
from shop.crowd_run import CrowdRun
from shop.demo_table import closing_table
from shop.door import Door
from shop.failover import kill_master
from shop.rooms import program
from shop.shop import Shop
from shop.terminal import Step, say
from shop.tiers import TierMeter, spent
from shop.trouble import Trouble

HOLD_MS = 5000
PAY, CANCEL = 0.8, 0.1  # the rest is abandoned
PAY_DELAY_MS = "0:2000"
DUPLICATES = 0.05
SALE_HOURS = 1
STORM_LIMIT_SECONDS = 120
SETTLE_LIMIT_SECONDS = 60


@dataclass(frozen=True)
class Scale:
    customers: int
    connections: int
    storm_units: int
    rate: int  # arrivals per second of the second sale
    units_seconds: int  # the second sale has units for so long
    limit: int  # units and holds per customer of the second sale
    seconds_before_kill: int
    seconds_after_use: int
    seconds_most: int


FULL = Scale(
    customers=5000,
    connections=1000,
    storm_units=1000,
    rate=1000,
    units_seconds=60,
    limit=50,
    seconds_before_kill=10,
    seconds_after_use=5,
    seconds_most=40,
)
SHORT = Scale(
    customers=1000,
    connections=200,
    storm_units=200,
    rate=300,
    units_seconds=30,
    limit=50,
    seconds_before_kill=4,
    seconds_after_use=3,
    seconds_most=25,
)


@dataclass(frozen=True)
class SaleResult:
    """What the closing table tells about one sale."""

    title: str
    sale: dict
    crowd: dict
    orders: dict  # count by state
    cpu: dict  # seconds by tier
    failover: object = None
    audit: dict | None = None
    seconds_to_take_all: float | None = None  # from the first batch on


class Demo:
    def __init__(self, shop, scale):
        self.shop = shop
        self.scale = scale
        self.meter = TierMeter(shop.launcher)
        self.customers = shop.state.secrets / "customers.jsonl"
        self.door = None
        self.run = None

    def prepare(self):
        scale = self.scale
        with Step("a small catalogue"):
            self.token = self.shop.admin_token()
            self.door = Door(self.shop.url(), self.token)
            self.operate("catalogue", "seed")
        with Step(f"{scale.customers:,} customers with tokens"):
            count = ("--count", scale.customers)
            self.shop.command("customers", "seed", *count, "--out", self.customers)

    def operate(self, *arguments):
        return self.shop.command(*arguments, DOORBUSTER_TOKEN=self.token)

    def storm(self):
        scale = self.scale
        say(
            f"\nFirst sale: {scale.storm_units:,} units, {scale.connections:,} buyers at once, "
            "until it is sold out"
        )
        sale = self.open_sale("Doorbuster: first come", scale.storm_units, 1, 3)
        before = self.meter.read()
        self.run = CrowdRun(
            self.shop,
            "first-sale",
            sale,
            self.customers,
            ["--until-sold-out", *self.buyers(), "--duration-s", STORM_LIMIT_SECONDS],
        )
        crowd = self.run.finish(2 * STORM_LIMIT_SECONDS)
        return self.close_sale("first sale", sale, crowd, before, None)

    def through_failover(self):
        scale = self.scale
        units = scale.rate * scale.units_seconds
        say(
            f"\nSecond sale: {units:,} units, {scale.rate:,} arrivals/s; "
            "the Redis master is killed in its middle"
        )
        sale = self.open_sale("Doorbuster: the long queue", units, scale.limit, scale.limit)
        before = self.meter.read()
        self.run = CrowdRun(
            self.shop,
            "second-sale",
            sale,
            self.customers,
            [
                *("--arrival", "open", "--rate", scale.rate, "--duration-s", scale.seconds_most),
                *("--purchases-per-customer", scale.limit, *self.buyers()),
            ],
        )
        failover = self.kill_master_amid(sale)
        self.run.stop_arrivals()
        crowd = self.run.finish(scale.seconds_most + 60)
        return self.close_sale("second sale", sale, crowd, before, failover)

    def kill_master_amid(self, sale):
        begin = time.monotonic()
        self.sell_for(self.scale.seconds_before_kill)
        self.meter.read()  # the last of the process that dies now
        left = self.scale.seconds_most - (time.monotonic() - begin)
        redis = self.shop.redis
        failover = kill_master(redis, self.shop.launcher, sale, limit_seconds=left)
        terminal.say_amid_progress(
            f"    {failover.old_master} killed; {failover.new_master} is the master after "
            f"{failover.seconds_to_elect:.1f} s, used after {failover.seconds_to_use:.1f} s"
        )
        self.sell_for(self.scale.seconds_after_use)
        return failover

    def sell_for(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self.run.is_running():
                raise Trouble("the crowd ended in the middle of its sale")
            time.sleep(0.1)

    def buyers(self):
        """How the crowd behaves in both sales."""
        return [
            *("--connections", self.scale.connections),
            *("--retries", "--duplicates", DUPLICATES),
            *("--pay", PAY, "--cancel", CANCEL, "--pay-delay-ms", PAY_DELAY_MS),
        ]

    def open_sale(self, name, units, units_per_customer, holds_per_customer):
        product = self.product_with(units)
        created = self.operate(
            *("sale", "create", "--product", product["id"], "--name", name, "--units", units),
            *("--unit-price-cents", product["price_cents"] // 2),
            *("--units-per-customer", units_per_customer),
            *("--holds-per-customer", holds_per_customer),
            *("--hold-ms", HOLD_MS, "--json"),
        )
        return json.loads(created)["id"]

    def product_with(self, units):
        """A product of the catalogue, with enough stock for the sale beside what others want."""
        product = self.door.get("/api/v1/products")["products"][0]
        self.door.post(f"/api/v1/products/{product['id']}/restocks", {"quantity": units})
        return product

    def close_sale(self, title, sale, crowd, before, failover):
        cpu = spent(before, self.meter.read())
        with Step(f"{title} is ended, drained and settled") as step:
            self.operate("sale", "end", sale)
            shown = self.wait_settled(sale)
            step.note = f"{shown['sold']:,} sold, {shown['released']:,} given back"
        generator = crowd["generator"]
        cpu["crowd of buyers"] = generator["cpu_user_s"] + generator["cpu_system_s"]
        audit = self.audit(title)
        orders, all_taken = self.orders_of(sale), self.seconds_to_take_all(sale)
        return SaleResult(title, shown, crowd, orders, cpu, failover, audit, all_taken)

    def wait_settled(self, sale):
        end = time.monotonic() + SETTLE_LIMIT_SECONDS
        while time.monotonic() < end:
            shown = self.door.get(f"/api/v1/flash-sales/{sale}")
            undone = "select count(*) from orders.work_items where done_at is null"
            if shown["state"] == "settled" and self.shop.postgres.ask(undone) == "0":
                return shown
            time.sleep(0.2)
        raise Trouble(f"the sale was not settled within {SETTLE_LIMIT_SECONDS} s")

    def orders_of(self, sale):
        names = ("reserved", "paying", "paid", "cancelled", "expired", "refunded")
        answer = self.shop.postgres.ask(
            "select o.state, count(*) from orders.sale_orders o join orders.sales s"
            f" using (sale_no) where s.id = '{sale}' group by o.state order by o.state"
        )
        rows = [line.split("|") for line in answer.splitlines()]
        return {names[int(state)]: int(count) for state, count in rows}

    def seconds_to_take_all(self, sale):
        answer = self.shop.postgres.ask(
            "select extract(epoch from min(b.at) filter (where b.remaining_after = 0) - min(b.at))"
            " from orders.sale_batches b join orders.sales s using (sale_no)"
            f" where s.id = '{sale}' and b.kind = 0"
        )
        return float(answer) if answer else None

    def audit(self, title):
        with Step(f"{title} is audited") as step:
            done = subprocess.run(
                [str(program("doorbuster")), "audit", "--json", "--log", str(self.run.log)],
                env=self.shop.operator_environment(),
                capture_output=True,
                text=True,
                preexec_fn=processes.die_with_this_process(signal.SIGKILL),
            )
            try:
                report = json.loads(done.stdout)
            except ValueError:
                raise Trouble(f"the audit could not be made: {done.stderr.strip()}") from None
            passed = done.returncode == 0 and report["holds"] and not report["skipped"]
            step.note = "every invariant holds" if passed else "VIOLATIONS"
        return report | {"passed": passed}


def hold_demo(scale, keep_data):
    begin = time.monotonic()
    say("Doorbuster: a shop of six rooms on 127.0.0.1\n")
    shop = Shop.make("demo", bound=True)
    demo = Demo(shop, scale)
    try:
        shop.start()
        demo.prepare()
        results = [demo.storm(), demo.through_failover()]
    finally:
        if demo.run:
            demo.run.abandon()
        shop.stop(quickly=True)
        if not keep_data:
            shop.state.forget_data()
    say("\n" + closing_table(results))
    say_findings(results)
    say(f"\n{time.monotonic() - begin:.0f} s in all. Nothing is left running. Logs and reports:")
    say(f"{shop.state.logs}")
    return 0 if all(result.audit["passed"] for result in results) else 1


def say_findings(results):
    for result in results:
        for finding in result.audit["findings"]:
            say(f"\n{result.title}, invariant {finding['invariant']}: {finding['description']}")
            say("\n".join(f"    {example}" for example in finding["examples"]))
        for skipped in result.audit["skipped"]:
            number, why = skipped["invariant"], skipped["why"]
            say(f"\n{result.title}, invariant {number}: not checked, {why}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="smaller sales, for a quick check")
    parser.add_argument("--keep-data", action="store_true", help="the database too, to look into")
    chosen = parser.parse_args()
    terminal.prepare()
    processes.end_in_order_on_signals()
    processes.allow_many_files()
    return hold_demo(SHORT if chosen.short else FULL, chosen.keep_data)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Trouble as trouble:
        say(f"\ndemo: {trouble}")
        sys.exit(2)
    except KeyboardInterrupt:
        say("\ndemo: interrupted; everything it started has ended")
        sys.exit(130)
