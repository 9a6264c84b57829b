#!/usr/bin/env python3
"""k6 storms a flash sale with 1,000 customers, in rounds, each followed by the same script against
a server that does nothing (the ceiling); then once more with everybody paying. Audits each round;
leaves a report in load/reports/<UTC time>-flash_sale.

Without --base-url the shop is a private one of this machine that ends with this command. With it,
what `doorbuster` needs must be in the environment, as in
    tools/local_shop.py run -- tools/load.py --base-url http://127.0.0.1:8080

Exits with 1 if the shop failed, with 2 if the run could not be made, with 3 if it is invalid: its
figures say more about k6 or the machine than about the shop.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
import uuid
from datetime import datetime, timezone
from pathlib import Path

from load import machine, verdict
from load.ceiling import Ceiling
from load.k6_program import k6_program, version_of
from load.k6_run import K6Run
from load.picture import take_picture
from load.target import GivenShop, LocalShop, Operator
from shop import processes, terminal
from shop.processes import cpu_seconds
from shop.state_folder import CHECKOUT
from shop.terminal import Step, say
from shop.trouble import Trouble

REPORTS = CHECKOUT / "load" / "reports"
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
        self.ceiling = Ceiling(folder / "ceiling")
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
            **machine.commit(),
            "machine": machine.machine(),
            "versions": versions,
            "topology": target.topology(),
            "limits": {"sale": sale, **target.limits(), "processes": machine.limits()},
            "load_average_before": os.getloadavg()[0],
            "valid_only_below": {
                "k6_share_of_all_cpu": verdict.K6_CPU_SHARE_MAX,
                "share_of_ceiling": verdict.CEILING_SHARE_MAX,
                "other_processes_share_of_all_cpu": verdict.FOREIGN_CPU_SHARE_MAX,
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
        if self.k6_run:
            self.k6_run.abandon()
        self.ceiling.stop()


def cpu_shares(begin, end):
    """Of all CPU time that the machine had while the load lasted."""
    seconds = (end["seconds"] - begin["seconds"]) * os.cpu_count()
    tiers = {name: end["tiers"][name] - begin["tiers"][name] for name in end["tiers"]}
    k6, busy = end["k6"] - begin["k6"], end["busy"] - begin["busy"]
    shares = {
        "k6": k6,
        "tiers": tiers,
        "others": max(0.0, busy - k6 - sum(tiers.values())),
        "stolen": end["stolen"] - begin["stolen"],
        "idle": max(0.0, seconds - busy - (end["stolen"] - begin["stolen"])),
    }
    return {
        name: {tier: round(each / seconds, 4) for tier, each in value.items()}
        if isinstance(value, dict)
        else round(value / seconds, 4)
        for name, value in shares.items()
    } | {"load_average": [begin["load_average"], end["load_average"]]}


def breached(summary):
    rules = [
        f"    {one['metric']} {one['rule']}" for one in summary["thresholds"] if not one["holds"]
    ]
    return "\n".join(rules)


def write_report(run):
    shops = [one for one in run.rounds if one["target"] == "shop"]
    ceilings = [one for one in run.rounds if one["target"] == "ceiling"]
    rates = [one["requests_per_s"] for one in shops]
    middle = shops[rates.index(verdict.median(rates))]
    together = verdict.invalid_reasons_together(rates, [one["requests_per_s"] for one in ceilings])
    invalid = together + [
        f"round {one['round']}, {one['target']}: {reason}"
        for one in run.rounds
        for reason in one["invalid"]
    ]
    stamp = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H%M%SZ")
    folder = REPORTS / f"{stamp}-flash_sale"
    folder.mkdir(parents=True)
    shutil.copyfile(middle["dashboard"], folder / "dashboard.html")
    for one in run.rounds:
        one.pop("dashboard", None)
    summary = {
        "scenario": "flash_sale",
        "valid": not invalid,
        "invalid": invalid,
        "thresholds_hold": all(one["k6_exit_code"] == 0 for one in run.rounds),
        "middle_round": middle["round"],
        "rounds": run.rounds,
    }
    environment = run.environment | {"load_average_after": os.getloadavg()[0]}
    holds = all(audit["holds"] for audit in run.audits)
    write_json(folder / "summary.json", summary)
    write_json(folder / "audit.json", {"holds": holds, "rounds": run.audits})
    write_json(folder / "environment.json", environment)
    take_picture(folder / "dashboard.html", folder / "dashboard.png")
    return folder, summary, holds


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n")


def say_verdict(run, folder, summary, holds):
    say(f"\n{folder.relative_to(CHECKOUT)}")
    for reason in summary["invalid"]:
        say(f"  INVALID: {reason}")
    for one in run.rounds:
        if one["k6_exit_code"] != 0:
            say(f"  round {one['round']}, {one['target']}, thresholds breached:\n{breached(one)}")
    for audit in run.audits:
        for check in audit["equalities"]:
            if not check["holds"]:
                say(f"  round {audit['round']}, not so: {check['what']}: {check['said']}")
        for finding in audit["invariants"]["findings"]:
            what = f"invariant {finding['invariant']}: {finding['description']}"
            say(f"  round {audit['round']}, {what}")
    passed = holds and all(is_passed(one, summary["invalid"]) for one in run.rounds)
    say(f"  {'the shop passed' if passed else 'the shop FAILED'}")
    return 1 if not passed else 3 if summary["invalid"] else 0


def is_passed(one, invalid):
    """Being slow in a run that is invalid says nothing about the shop; being wrong does."""
    return all(
        rule["holds"] or (invalid and rule["metric"].startswith("latency_"))
        for rule in one["thresholds"]
    )


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base-url", default="", help="of a running shop; else a private one")
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


def main():
    chosen = arguments()
    terminal.prepare()
    processes.end_in_order_on_signals()
    processes.allow_many_files()
    with tempfile.TemporaryDirectory(prefix="doorbuster-load-") as place:
        folder = Path(place)
        target = GivenShop(chosen.base_url, folder) if chosen.base_url else LocalShop()
        run = LoadRun(chosen, target, folder)
        say(f"{chosen.users:,} users with {version_of(run.k6)} against {target.url}\n")
        try:
            target.start()
            run.prepare()
            for number in range(1, chosen.rounds + 1):
                run.storm(number)
            run.round(chosen.rounds + 1, PAYING, 1)
            folder, summary, holds = write_report(run)
        finally:
            run.stop()
            target.stop()
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
