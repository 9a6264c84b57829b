"""The numbers of all rounds, and what they are held against. No clock, no processes."""

import math
import statistics
from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    name: str
    unit: str
    is_better_higher: bool = True
    goal: float | None = None  # at least, or at most where lower is better


def _overload_metrics(kind, *, is_tenfold):
    """A storm that doesn't really ask ten times what the shop can do says nothing of how it
    refuses: each of so many callers waits for the others' turns, whatever the answer is."""
    by_rate = {"served_share": 0.8, "refusal_p99_ms": 50, "admin_p99_ms": 200} if is_tenfold else {}
    goals = by_rate | {"rss_growth_mib": 64, "health_p99_ms": 200, "recovered": 0.8}
    units = {
        "capacity_per_s": "1/s",
        "connections": "",
        "offered_x": "x",
        "served_share": "x",
        "refused_share": "x",
        "refusal_p50_ms": "ms",
        "refusal_p99_ms": "ms",
        "purchase_p99_ms": "ms",
        "rss_growth_mib": "MiB",
        "health_p99_ms": "ms",
        "admin_p99_ms": "ms",
        "recovered": "x",
    }
    for name, unit in units.items():
        is_less_better = unit in ("ms", "MiB")
        yield Metric(f"overload.{kind}.{name}", unit, not is_less_better, goal=goals.get(name))


METRICS = (
    Metric("sale.purchases_per_s", "1/s"),
    Metric("sale.lock_per_request_per_s", "1/s"),
    Metric("sale.row_update_per_s", "1/s"),
    Metric("sale.ratio", "x", goal=10),
    Metric("sale.row_ratio", "x", goal=5),
    Metric("sale.p50_ms", "ms", False),
    Metric("sale.p99_ms", "ms", False),
    Metric("sale.p99_over_mean", "x", False, goal=2.5),
    Metric("sale.cpu_us_per_purchase.gateway", "us", False),
    Metric("sale.cpu_us_per_purchase.order", "us", False),
    Metric("sale.cpu_us_per_purchase.postgres", "us", False),
    Metric("sale.cpu_us_per_purchase.redis", "us", False),
    Metric("sale.cpu_us_per_purchase.total", "us", False, goal=180),
    Metric("sale.cpu_us_per_purchase.first_request", "us", False),
    Metric("pay_per_s", "1/s"),
    Metric("sale.cpu_us_per_paid_order", "us", False),
    Metric("pgbench.same_function_per_s.1", "1/s"),
    Metric("pgbench.same_function_per_s.10", "1/s"),
    Metric("pgbench.same_function_per_s.100", "1/s"),
    Metric("pgbench.same_function_per_s.1000", "1/s"),
    Metric("soldout.answers_per_s", "1/s"),
    Metric("soldout.over_purchases", "x", goal=1),
    Metric("echo.vs_nginx_return", "x", goal=0.8),
    Metric("gateway.vs_nginx_proxy", "x", goal=0.8),
    Metric("gateway.vs_nginx_proxy_logging", "x"),
    Metric("login_per_s", "1/s"),
    Metric("login.cpu_us", "us", False),
    Metric("products.list_per_s", "1/s"),
    Metric("products.cpu_us_per_list", "us", False, goal=1000),
    Metric("products.search_per_s", "1/s"),
    Metric("products.cpu_us_per_search", "us", False),
    Metric("order.checkout_per_s", "1/s"),
    Metric("order.cpu_us_per_checkout", "us", False),
    Metric("idle.connections", ""),
    Metric("idle.rss_mib", "MiB", False, goal=150),
    *_overload_metrics("rate", is_tenfold=True),
    *_overload_metrics("connections", is_tenfold=False),
    Metric("rss_mib", "MiB", False),
    Metric("start_ms", "ms", False),
)

# A lock-per-request below this part of a bare call of the shop's function, one unit at a time on
# one connection, would be a straw man.
HONEST_BASELINE = 0.4


# Of figures that are only details, by how their names end.
UNITS = {
    "_per_cpu_s": "1/CPU s",
    "_per_s": "1/s",
    "_ms": "ms",
    "rss_mib.rooms": "MiB",
    "rss_mib.postgres": "MiB",
    "rss_mib.redis": "MiB",
}


class Figures:
    """Values by metric, one per round."""

    def __init__(self):
        self._values = {}

    def add(self, name, value):
        self._values.setdefault(name, []).append(float(value))

    def values(self, name):
        return list(self._values.get(name, ()))

    def median(self, name):
        return statistics.median(self._values[name])

    def names(self):
        """Those with a place in METRICS first, in their order, then the others by name."""
        known = [metric.name for metric in METRICS if metric.name in self._values]
        return known + sorted(set(self._values) - set(known))

    def last(self, name):
        return self._values[name][-1]


def summary(values):
    """min, median, max and the values themselves, at a precision that a reader can use."""
    shown = [rounded(value) for value in values]
    return {
        "min": min(shown),
        "median": rounded(statistics.median(values)),
        "max": max(shown),
        "values": shown,
    }


def rounded(value):
    """Four significant digits, and no more than that of a large number's decimals."""
    if value == 0:
        return 0.0
    return float(f"{value:.4g}") if abs(value) < 1000 else float(round(value))


def unit_of(name):
    for metric in METRICS:
        if metric.name == name:
            return metric.unit
    if ".cpu_us_per_" in name:
        return "us"
    return next((unit for ending, unit in UNITS.items() if name.endswith(ending)), "")


def best(points):
    """(value, result) of a sweep: the best for whoever is compared with. The same value twice is
    the first, so that a sweep prefers fewer connections."""
    return max(points, key=lambda point: point[1])


def percentile(values, share):
    """The least value that at least so large a share of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def is_met(metric, median):
    """None where nothing was promised."""
    if metric.goal is None:
        return None
    return median >= metric.goal if metric.is_better_higher else median <= metric.goal


def p99_over_mean(p99_ms, purchases_per_s, connections):
    """With `connections` always waiting, the mean time of one is connections / rate."""
    return p99_ms / (1000 * connections / purchases_per_s)


def straw_man_reason(figures):
    """Why the comparison is invalid, or None."""
    lock = figures.median("sale.lock_per_request_per_s")
    bare = figures.median("pgbench.same_function_per_s.1")
    if lock >= HONEST_BASELINE * bare:
        return None
    return (
        f"lock-per-request sold {lock:,.0f}/s, less than {HONEST_BASELINE} of the {bare:,.0f}/s of"
        " the bare function on one connection: a straw man"
    )
