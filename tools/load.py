#!/usr/bin/env python3
"""k6 storms a flash sale with 1,000 customers, in rounds, each followed by the same script against
a server that does nothing (the ceiling); then once more with everybody paying. Audits each round;
leaves a report in load/reports/<UTC time>-flash_sale.

With --cluster the shop is the one that `make deploy` put on the cluster of KUBECONFIG, stormed
through its ingress, and the ceiling is an nginx pod behind the same ingress; the report is
load/reports/<UTC time>-flash_sale-cluster and says whether what is promised there was kept.

Without either of them the shop is a private one of this machine that ends with this command. With
--base-url, what `doorbuster` needs must be in the environment, as in
    tools/local_shop.py run -- tools/load.py --base-url http://127.0.0.1:8080

Exits with 1 if the shop failed, with 2 if the run could not be made, with 3 if it is invalid: its
figures say more about k6 or the machine than about the shop.
"""

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
import uuid
from datetime import datetime, timezone
from pathlib import Path

from load import machine, verdict
from load.cluster_target import ClusterTarget
from load.k6_program import k6_program, version_of
from load.k6_run import K6Run
from load.report import breached, cpu_shares, say_verdict, write_report
from load.target import GivenShop, LocalShop, Operator
from shop import processes, terminal
from shop.processes import cpu_seconds
from shop.terminal import Step, say
from shop.trouble import Trouble

SMOKE_USERS, SMOKE_UNITS = 5, 100
SETTLE_SECONDS = 120
SALE_HOURS = 1
PAYING = "shop, with payment"
HOLD_MS = 600_000  # longer than a round: no unit comes back amid it


class LoadRun:
    def __init__(self, chosen, target, folder):
        self.chosen = chosen
        self.target = target
        self.operator = Operator(target)
        self.folder = folder
        self.k6 = k6_program()
        self.ceiling = target.ceiling(folder / "ceiling")
        self.rounds = []
        self.audits = []
        self.k6_run = None

    def prepare(self):
        with Step("a catalogue"):
            self.operator.sign_in()
            self.operator.command("catalogue", "seed")
        with Step("the ceiling, an nginx"):
            self.ceiling.start()
            self.environment = self.describe()
        with Step("a small sale, everything checked"):
            self.smoke()

    def describe(self):
        chosen, target = self.chosen, self.target
        versions = {"k6": version_of(self.k6), **target.versions(), "nginx": self.ceiling.version}
        sale = {
            "units": chosen.units,
            "units_per_customer": chosen.limit,
            "holds_per_customer": chosen.limit,
            "hold_ms": HOLD_MS,
        }
        return {
            "taken_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "command": target.command,
            **machine.commit(),
            "machine": machine.machine(),
            "versions": versions,
            "topology": target.topology(),
            "limits": {"sale": sale, **target.limits(), "processes": machine.limits()},
            "load_average_before": os.getloadavg()[0],
            "valid_only_below": {
                "k6_share_of_all_cpu": verdict.K6_CPU_SHARE_MAX,
                "share_of_ceiling": target.ceiling_share_max,
                "other_processes_share_of_all_cpu": verdict.FOREIGN_CPU_SHARE_MAX,
                "share_of_all_cpu_of_the_cluster_itself": verdict.CLUSTER_CPU_SHARE_MAX,
            },
        }

    def smoke(self):
        sale = self.open_sale(SMOKE_UNITS, SMOKE_UNITS)
        customers = self.seed(SMOKE_USERS)
        variables = {"USERS": SMOKE_USERS, "CUSTOMERS": customers, "SALE": sale}
        summary, _ = self.run_k6("smoke", "smoke.js", self.target, variables)
        if summary["k6_exit_code"] != 0:
            raise Trouble(f"the shop does not work:\n{breached(summary)}")
        self.operator.command("sale", "end", sale)

    def storm(self, number):
        """A round against the shop, and the same against the ceiling."""
        variables = self.round(number, "shop", self.chosen.pay)
        with Step(f"round {number}: the ceiling") as step:
            variables |= {"TARGET": "ceiling"}
            name = f"ceiling-{number}"
            summary, _ = self.run_k6(name, "flash_sale.js", self.ceiling, variables)
            step.note = self.note(summary)
        self.rounds.append(summary | {"round": number})

    def round(self, number, what, pay):
        chosen = self.chosen
        self.operator.sign_in()
        sale = self.open_sale(chosen.units, chosen.limit)
        customers = self.seed(chosen.users)
        variables = {
            "USERS": chosen.users,
            "CLICKS": chosen.clicks,
            "PAY": pay,
            "RATE": chosen.rate,
            "CUSTOMERS": customers,
            "SALE": sale,
        }
        with Step(f"round {number}: the {what}") as step:
            summary, run = self.run_k6(f"shop-{number}", "flash_sale.js", self.target, variables)
            step.note = self.note(summary)
        about = {"round": number, "target": what, "dashboard": str(run.dashboard)}
        self.rounds.append(summary | about)
        with Step(f"round {number}: the audit") as step:
            audit = self.audit(sale, summary)
            self.audits.append({"round": number, **audit})
            step.note = "holds" if audit["holds"] else "VIOLATIONS"
        return variables

    @staticmethod
    def note(summary):
        return (
            f"{summary['requests']:,} requests, {summary['requests_per_s']:,.0f}/s; k6 used "
            f"{summary['cpu']['k6']:.0%} of the CPU"
        )

    def run_k6(self, name, scenario, target, variables):
        place = self.folder / name
        place.mkdir()
        meter = lambda pid: {  # noqa: E731
            **machine.moment(),
            "k6": cpu_seconds(pid),
            "tiers": target.cpu_seconds(),
        }
        fixed = {"BASE_URL": target.url, "RUN_ID": uuid.uuid4().hex}
        self.k6_run = K6Run(self.k6, scenario, place, variables | fixed, meter)
        summary = self.k6_run.finish()
        if len(self.k6_run.readings) == 2:
            summary["cpu"] = cpu_shares(*self.k6_run.readings)
            summary["invalid"] = verdict.invalid_reasons(summary, summary["cpu"])
        return summary, self.k6_run

    def seed(self, count):
        file = self.target.folder / "load-customers.jsonl"
        self.operator.command("customers", "seed", "--count", count, "--out", file)
        return file

    def open_sale(self, units, limit):
        product = self.operator.door.get("/api/v1/products")["products"][0]
        path = f"/api/v1/products/{product['id']}/restocks"
        self.operator.door.post(path, {"quantity": units})
        created = self.operator.command(
            *("sale", "create", "--product", product["id"], "--name", "Under load"),
            *("--units", units, "--unit-price-cents", 4950, "--hold-ms", HOLD_MS),
            *("--units-per-customer", limit, "--holds-per-customer", limit),
            *("--lasts-s", SALE_HOURS * 3600, "--json"),
        )
        return json.loads(created)["id"]

    def audit(self, sale, summary):
        self.operator.sign_in()
        door = self.operator.door
        self.operator.command("sale", "end", sale)
        if summary["settings"]["payShare"] == 1:
            self.wait_settled(sale)
        tally = door.get(f"/api/v1/flash-sales/{sale}/audit")
        shown = door.get(f"/api/v1/flash-sales/{sale}")
        checks = verdict.equalities(summary, tally, shown)
        invariants = self.operator.audit()
        return {
            "holds": invariants["holds"] and all(check["holds"] for check in checks),
            "equalities": checks,
            "tally": tally,
            "sale": {name: shown.get(name) for name in ("state", "units", "sold", "released")},
            "invariants": invariants,
        }

    def wait_settled(self, sale):
        """In vain after a payment whose outcome is not known; the equalities will say so."""
        end = time.monotonic() + SETTLE_SECONDS
        path = f"/api/v1/flash-sales/{sale}"
        while time.monotonic() < end and self.operator.door.get(path)["state"] != "settled":
            time.sleep(0.2)

    def stop(self):
        try:
            if self.k6_run:
                self.k6_run.abandon()
        finally:
            self.ceiling.stop()


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--base-url", default="", help="of a running shop; else a private one")
    where.add_argument("--cluster", action="store_true", help="the shop of KUBECONFIG's cluster")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--users", type=int, default=1000, help="each a customer of its own")
    parser.add_argument("--clicks", type=int, default=40, help="per user")
    parser.add_argument("--units", type=int, default=19_000)
    parser.add_argument("--limit", type=int, default=20, help="units per customer")
    parser.add_argument("--pay", type=float, default=0, help="share of buyers who pay at once")
    parser.add_argument("--rate", type=int, default=0, help="clicks per second by the clock")
    chosen = parser.parse_args()
    if chosen.units >= chosen.users * min(chosen.limit, chosen.clicks):
        parser.error("so many units can't be sold out: fewer --units, or more --users")
    return chosen


def target_of(chosen, folder):
    if chosen.cluster:
        return ClusterTarget(folder)
    return GivenShop(chosen.base_url, folder) if chosen.base_url else LocalShop()


def main():
    chosen = arguments()
    terminal.prepare()
    processes.end_in_order_on_signals()
    processes.allow_many_files()
    with tempfile.TemporaryDirectory(prefix="doorbuster-load-") as place:
        folder = Path(place)
        target = target_of(chosen, folder)
        run = LoadRun(chosen, target, folder)
        say(f"{chosen.users:,} users with {version_of(run.k6)} against {target.url}\n")
        with contextlib.ExitStack() as ending:
            # Called last to first: the target forgets its secrets whatever fails before that.
            ending.callback(target.stop)
            ending.callback(run.stop)
            target.start()
            run.prepare()
            for number in range(1, chosen.rounds + 1):
                run.storm(number)
            run.round(chosen.rounds + 1, PAYING, 1)
            folder, summary, holds = write_report(run)
    return say_verdict(run, folder, summary, holds)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Trouble as trouble:
        say(f"\nload: {trouble}")
        sys.exit(2)
    except KeyboardInterrupt:
        say("\nload: interrupted; everything it started has ended")
        sys.exit(130)
