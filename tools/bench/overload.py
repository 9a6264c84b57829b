"""Ten times what the shop can do: who is refused and how fast, who is still served, what it takes.

Twice, as no generator on the shop's own cores can ask a fast shop ten times what it answers:
- by the clock, of a shop whose database is slow: ten times its purchases per second really come,
  however long each of them waits;
- by the number of buyers, of the shop as it is: ten times as many as it takes to keep it busy come
  again as soon as they have an answer.
"""

from dataclasses import dataclass

from bench.watch import Watch
from shop.rooms import ROOMS
from shop.slow_database import slow_database

TIMES = 10
# What counts as busy: the fewest connections that reach this part of the best rate.
PART_OF_BEST = 0.95
SWEEP_SECONDS = 1.5
STORM_SECONDS = 5
RECOVERY_SECONDS = 1.5
UNITS = 400_000

# A buyer who is not refused waits, so a place is needed for each of those and for the others.
STORM_CONNECTIONS = 4000
# Some 700 purchases per second, which is little enough for the crowd to ask ten times as many.
SLOW_COMMIT_US = 20_000
SLOW_BATCH_MAX = 16
SLOW_SWEEP = (50, 100, 200)
SWEEP = (50, 100, 200, 300, 400)


@dataclass(frozen=True)
class Capacity:
    per_second: float
    connections: int


def capacity_of(points):
    """From (connections, purchases per second) of a sweep, fewest connections first."""
    best = max(per_second for _, per_second in points)
    connections = next(at for at, per_second in points if per_second >= PART_OF_BEST * best)
    return Capacity(best, connections)


def measure_overload(bench, numbers):
    """Adds the figures; returns both sweeps and what each storm was told."""
    details = {"connections": _storm(bench, numbers, "connections", SWEEP)}
    with slow_database(bench.shop, commit_us=SLOW_COMMIT_US, batch_max=SLOW_BATCH_MAX):
        details["rate"] = _storm(bench, numbers, "rate", SLOW_SWEEP)
    return details


def _storm(bench, numbers, kind, sweep):
    sale = bench.open_sale(UNITS)
    points = [(at, _rate(bench, sale, at, SWEEP_SECONDS)) for at in sweep]
    capacity = capacity_of(points)
    sale = bench.open_sale(UNITS)
    if kind == "rate":
        options = ("--arrival", "open", "--rate", TIMES * capacity.per_second)
        options += ("--connections", STORM_CONNECTIONS)
    else:
        options = ("--connections", TIMES * capacity.connections)
    with Watch(bench.shop, bench.shop.admin_token(), sale) as watch:
        report = bench.crowd(
            sale, *options, "--duration-s", STORM_SECONDS, "--purchases-per-customer", 0
        )
    bench.require_all_sold(sale, report)
    bench.wait_ready(ROOMS)
    after = _rate(bench, bench.open_sale(UNITS), capacity.connections, RECOVERY_SECONDS)
    for name, value in storm_figures(report, capacity).items():
        numbers.add(f"overload.{kind}.{name}", value)
    numbers.add(f"overload.{kind}.recovered", after / capacity.per_second)
    numbers.add(f"overload.{kind}.rss_growth_mib", watch.most_growth_mib)
    numbers.add(f"overload.{kind}.health_p99_ms", watch.health_p99_ms)
    numbers.add(f"overload.{kind}.admin_p99_ms", watch.admin_p99_ms)
    return {
        "sweep": dict(points),
        "fates": report["fates"],
        "rss_growth_mib": {name: round(mib, 1) for name, mib in watch.growth_mib.items()},
        "probes_without_a_good_answer": watch.failures,
        "bottleneck_reasons": report["generator"]["bottleneck_reasons"],
    }


def storm_figures(report, capacity):
    """What the crowd saw. Purchases are counted while buyers arrived, so that those who were served
    after the storm are nobody's merit."""
    seconds = report["arrivals_s"]
    whole_seconds = int(seconds)
    served = report["purchases"]["by_second"][:whole_seconds]
    refused = report["latency"]["not_served"]
    return {
        "capacity_per_s": capacity.per_second,
        "connections": report["settings"]["connections"],
        "offered_x": report["exchanges"]["sent"] / seconds / capacity.per_second,
        "served_share": sum(served) / whole_seconds / capacity.per_second,
        "purchase_p99_ms": report["latency"]["purchase"]["p99_ms"],
        "refused_share": refused["count"] / max(1, report["exchanges"]["sent"]),
        "refusal_p50_ms": refused["p50_ms"],
        "refusal_p99_ms": refused["p99_ms"],
    }


def _rate(bench, sale, connections, seconds):
    options = ("--connections", connections, "--duration-s", seconds)
    report = bench.crowd(sale, *options, "--purchases-per-customer", 0)
    return report["purchases"]["per_second"]
