#!/usr/bin/env python3
"""Where the microseconds of one purchase go: a sale under full load, sampled with perf.

Writes docs/profile/purchase.svg (a flame graph of all tiers) and docs/profile/README.md. Needs
Debian's linux-perf and the right to use it (root, or kernel.perf_event_paranoid <= 1).
"""

import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from bench.bench_shop import BenchShop
from profiling.flame_graph import draw
from profiling.folding import fold, shares
from shop import processes
from shop.shop import Shop
from shop.state_folder import CHECKOUT
from shop.terminal import Step, say
from shop.tiers import spent
from shop.trouble import Trouble

CUSTOMERS = 20_000
CONNECTIONS = 1000
PURCHASES_PER_CUSTOMER = 50
UNITS = 2_000_000
WARM_SECONDS = 4
SALE_SECONDS = 8
SAMPLE_AFTER_SECONDS = 2
SAMPLE_SECONDS = 5
SAMPLES_PER_SECOND = 199
FOLDER = CHECKOUT / "docs" / "profile"
TIERS = {"gateway": ["gateway"], "order": ["order-1", "order-2"], "postgres": ["postgres"]}


def tier_pids(shop):
    pids = {}
    for tier, names in TIERS.items():
        for name in names:
            pid = shop.launcher.pid(name)
            pids |= {one: tier for one in (pid, *processes.children(pid))}
    return pids


def sample(shop, data):
    pids = tier_pids(shop)
    command = ["perf", "record", "--quiet", "-e", "cpu-clock", "-F", str(SAMPLES_PER_SECOND)]
    command += ["--call-graph", "dwarf,8192", "-o", str(data), "-p", ",".join(map(str, pids))]
    done = subprocess.run(
        [*command, "--", "sleep", str(SAMPLE_SECONDS)], capture_output=True, text=True
    )
    if done.returncode != 0:
        raise Trouble(f"perf could not record: {done.stderr.strip()}")
    fields = ["-F", "comm,pid,tid,time,event,ip,sym,dso"]
    script = subprocess.run(
        ["perf", "script", "-i", str(data), "--no-inline", *fields], capture_output=True, text=True
    )
    return fold(script.stdout, lambda pid: pids.get(pid, "other"))


def table(stacks, microseconds):
    lines = ["| tier | µs of CPU per purchase | of which |", "|---|---|---|"]
    for tier, kinds in shares(stacks).items():
        total = sum(kinds.values())
        spent = microseconds.get(tier, 0.0)
        parts = [
            f"{kind} {spent * count / total:.1f}"
            for kind, count in kinds.most_common()
            if count / total > 0.02
        ]
        lines.append(f"| {tier} | {spent:.1f} | {', '.join(parts)} |")
    return "\n".join(lines)


def page(stacks, microseconds, purchases_per_s):
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=CHECKOUT, capture_output=True, text=True
    ).stdout.strip()
    return f"""# Where the microseconds of one purchase go

One hot sale, {CONNECTIONS:,} connections, tokens warm, order twice, the crowd on the same machine:
{purchases_per_s:,.0f} purchases/s in the measured run. A second run was sampled with perf
(cpu-clock, {SAMPLES_PER_SECOND} Hz, {SAMPLE_SECONDS} s), which tells how each tier's time divides.
Commit {commit}. Made by `make profile`; shares are by the innermost telling frame of a stack, so
they are good to a few per cent.

{table(stacks, microseconds)}

![Flame graph of gateway, order and PostgreSQL](purchase.svg)
"""


def hold_sale(bench, seconds):
    """One full-speed sale; its report and its CPU seconds by tier."""
    sale = bench.open_sale(UNITS)
    before = bench.meter.read()
    options = ("--connections", CONNECTIONS, "--duration-s", seconds)
    report = bench.crowd(sale, *options, "--purchases-per-customer", PURCHASES_PER_CUSTOMER)
    return report, spent(before, bench.meter.read())


def microseconds_by_tier(report, cpu):
    purchases = report["purchases"]["acknowledged"]
    names = {"gateway": "gateway", "order": "order, both pods", "postgres": "PostgreSQL"}
    return {tier: cpu[name] * 1e6 / purchases for tier, name in names.items()}


def measure(bench):
    shop = bench.shop
    with Step(f"{CUSTOMERS:,} customers"):
        bench.seed(CUSTOMERS, CUSTOMERS)
    with Step("a sale to warm the tokens"):
        hold_sale(bench, WARM_SECONDS)
    with Step("a sale that is measured"):
        report, cpu = hold_sale(bench, SALE_SECONDS)
    with Step("a sale that is sampled"), ThreadPoolExecutor(1) as beside:
        sampled = beside.submit(hold_sale, bench, SALE_SECONDS)
        time.sleep(SAMPLE_AFTER_SECONDS)
        stacks = sample(shop, shop.state.path / "perf.data")
        sampled.result()
    return stacks, microseconds_by_tier(report, cpu), report["purchases"]["per_second"]


def main():
    if not shutil.which("perf"):
        raise Trouble("perf is missing: apt-get install linux-perf")
    say("Profile of a purchase")
    processes.end_in_order_on_signals()
    shop = Shop.make("profile", bound=True)
    bench = BenchShop(shop)
    try:
        shop.start()
        stacks, microseconds, purchases_per_s = measure(bench)
    finally:
        shop.stop(quickly=True)
        shop.state.wipe()
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "purchase.svg").write_text(draw(stacks, "CPU of gateway, order and PostgreSQL"))
    (FOLDER / "README.md").write_text(page(stacks, microseconds, purchases_per_s))
    say(table(stacks, microseconds))
    say(f"Written: {FOLDER.relative_to(CHECKOUT)}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Trouble as trouble:
        say(f"profile: {trouble}")
        sys.exit(2)
