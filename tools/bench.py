#!/usr/bin/env python3
"""What the shop does per second and what that costs, beside a lock per request, a commit per
request, the bare function, and nginx, on the same machine in the same minutes.

Writes load/reports/bench.json and prints a table. Starts everything itself on free ports of
127.0.0.1 and leaves nothing running. Exits with 1 if the comparison is not valid, with 2 if
something could not be measured.
"""

import argparse
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

from bench import figures, machine, nginx, report
from bench.bench_shop import BenchShop
from bench.rounds import Round
from shop import processes, terminal
from shop.shop import Shop
from shop.state_folder import CHECKOUT
from shop.terminal import Step, say
from shop.trouble import Trouble

REPORT = CHECKOUT / "load" / "reports" / "bench.json"
CUSTOMERS = 100_000
# More than either baseline serves in a window: each buys about once.
FEW_CUSTOMERS = 10_000
ROUNDS = 3


def main():
    options = read_options()
    terminal.prepare()
    processes.end_in_order_on_signals()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    require_tools()
    shop = Shop.make("bench", bound=True)
    bench = BenchShop(shop)
    begin = time.monotonic()
    context = {
        "started_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        **machine.describe(),
        "topology": "all on one machine: gateway, order twice, auth, product, echo, payment,"
        " PostgreSQL (fsync on), Redis with two replicas and three sentinels, and the crowd",
        "load_average": {"before": machine.load_average()},
    }
    try:
        say("The shop of the bench")
        shop.start()
        numbers, rounds = measure(bench, options)
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    finally:
        shop.stop(quickly=True)
        shop.state.wipe()
    context["load_average"]["after"] = machine.load_average()
    context["seconds"] = round(time.monotonic() - begin)
    reason = figures.straw_man_reason(numbers)
    told = report.build(numbers, context, rounds, [reason] if reason else [])
    report.write(options.out, told)
    say("\n" + report.closing_table(told))
    say(f"\n{options.out}, {context['seconds']} s; load average {context['load_average']}")
    if reason:
        say(f"INVALID: {reason}")
        return 1
    return 0


def measure(bench, options):
    with Step("a role for the baselines, a catalogue"):
        bench.make_baseline_role()
        bench.stock_catalogue()
    numbers = figures.Figures()
    rounds = []
    customers = -(-options.customers // options.rounds)
    for number in range(1, options.rounds + 1):
        say(f"\nRound {number} of {options.rounds}, {customers:,} customers")
        before = machine.load_average()
        details = Round(bench, numbers, customers, min(FEW_CUSTOMERS, customers)).run()
        load = {"before": before, "after": machine.load_average()}
        rounds.append({"load_average": load, **details})
    return numbers, rounds


def require_tools():
    nginx.program()
    if not shutil.which("wrk"):
        raise Trouble("wrk is missing: run ./install-dependencies.sh --bench")


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="at least 3 for a report")
    parser.add_argument("--customers", type=int, default=CUSTOMERS, help="of all rounds together")
    parser.add_argument("--out", type=Path, default=REPORT)
    options = parser.parse_args()
    if options.out == REPORT and options.rounds < ROUNDS:
        parser.error(f"a report of fewer than {ROUNDS} rounds goes elsewhere: --out FILE")
    return options


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Trouble, OSError, subprocess.SubprocessError) as trouble:
        say(f"\n{trouble}")
        sys.exit(2)
