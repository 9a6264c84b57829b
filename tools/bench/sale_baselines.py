"""The two usual ways to sell, behind a gateway of their own and driven by the same crowd. Each has
the best of a sweep, in every round anew."""

from bench.figures import best
from shop.ports import LOOPBACK

SECONDS = 5
UNITS = 100_000
# Of the crowd: so many waiters poll the lock at once.
LOCK_CONNECTIONS = (1, 4, 16, 64, 256)
# To PostgreSQL: so many wait at the row; the crowd is that of the sale.
ROW_CONNECTIONS = (1, 2, 4, 8, 16)
CROWD_OF_ROWS = 1000
# The gateway gives a pod more time than the lock's waiters have, so that it never cuts one off.
PATIENCE = {"ORDER_ATTEMPT_TIMEOUT_MS": "9500"}
# Asking for it needs a token and costs one look-up: it makes tokens known and sells nothing.
NO_SALE = "00000000-0000-4000-8000-000000000000"


def measure_baselines(bench, numbers):
    """Adds the figures; returns all points of both sweeps."""
    locks = _with_baseline(bench, {"BASELINE_MODE": "lock-per-request"}, LOCK_CONNECTIONS)
    rows = []
    for connections in ROW_CONNECTIONS:
        variables = {
            "BASELINE_MODE": "row-update",
            "DATABASE_CONNECTIONS_MAX": str(connections),
        }
        [(_, point)] = _with_baseline(bench, variables, [CROWD_OF_ROWS])
        rows.append((connections, point))
    sale = numbers.last("sale.purchases_per_s")
    for name, ratio, points in (
        ("sale.lock_per_request_per_s", "sale.ratio", locks),
        ("sale.row_update_per_s", "sale.row_ratio", rows),
    ):
        per_second = best([(at, point["per_s"]) for at, point in points])[1]
        numbers.add(name, per_second)
        numbers.add(ratio, sale / per_second)
    return {
        "lock_per_request_by_crowd_connections": dict(locks),
        "row_update_by_database_connections": dict(rows),
    }


def _with_baseline(bench, variables, crowds):
    bench.start_baseline("baseline-sale", **variables)
    bench.start_gateway_to(
        "gateway-baseline", f"{LOOPBACK}:{bench.port('baseline-sale')}", **PATIENCE
    )
    try:
        warm = ("--connections", 200, "--purchases-per-customer", 1, "--duration-s", 30)
        bench.crowd(NO_SALE, *warm, at="gateway-baseline", few=True)
        return [(connections, _point(bench, connections)) for connections in crowds]
    finally:
        bench.stop_rooms(["gateway-baseline", "baseline-sale"])


def _point(bench, connections):
    sale = bench.open_sale(UNITS)
    options = ("--connections", connections, "--duration-s", SECONDS)
    options += ("--purchases-per-customer", 0)
    report = bench.crowd(sale, *options, at="gateway-baseline", few=True)
    bench.require_all_sold(sale, report)
    latency = report["latency"]["purchase"]
    return {
        "per_s": report["purchases"]["per_second"],
        "p50_ms": latency["p50_ms"],
        "p99_ms": latency["p99_ms"],
        "fates": report["fates"],
    }
