"""What a shop does on ordinary days: people log in, look at pages, search, and order."""

from bench import catalogue, wrk
from shop.trouble import Trouble

LOGIN_ACCOUNTS = 32
# Few enough that nobody is told busy, and enough that the hashing threads never rest.
LOGIN_CONNECTIONS = 8
LOGIN_SECONDS = 5
PAGE_SIZE = 20
PAGES = 50
CHECKOUT_CONNECTIONS = 100
CHECKOUT_SECONDS = 5
TIERS = {
    "gateway": "gateway",
    "order, both pods": "order",
    "product": "product",
    "payment": "payment",
    "PostgreSQL": "postgres",
}


def log_in(bench, numbers):
    load, cpu = _metered(bench, bench.logins_file(LOGIN_ACCOUNTS), LOGIN_CONNECTIONS, LOGIN_SECONDS)
    numbers.add("login_per_s", load.per_second)
    numbers.add("login.p99_ms", load.p99_ms)
    numbers.add("login.cpu_us", 1e6 * sum(cpu.values()) / load.answered)


def look_at_pages(bench, numbers):
    """The newest pages of twenty, one after the other."""
    file = wrk.write_requests(
        bench.shop.state.secrets / "pages.tsv",
        [("GET", path, "") for path in bench.page_paths(PAGES, PAGE_SIZE)],
    )
    _add_pages(bench, numbers, "list", file)


def search(bench, numbers):
    file = wrk.write_requests(
        bench.shop.state.secrets / "searches.tsv",
        [("GET", path, "") for path in catalogue.search_paths(PAGE_SIZE)],
    )
    _add_pages(bench, numbers, "search", file)


def _add_pages(bench, numbers, kind, file):
    wrk.run(bench.port("gateway"), requests=file, seconds=wrk.WARM_SECONDS)
    load, cpu = _metered(bench, file, wrk.CONNECTIONS, wrk.SECONDS)
    numbers.add(f"products.{kind}_per_s", load.per_second)
    numbers.add(f"products.{kind}_p99_ms", load.p99_ms)
    _add_cpu(numbers, f"products.cpu_us_per_{kind}", cpu, load.answered)


def check_out(bench, numbers):
    """Orders of two products, each paid as soon as it is the customer's."""
    options = ("--connections", CHECKOUT_CONNECTIONS, "--duration-s", CHECKOUT_SECONDS)
    paid_before = bench.orders_paid()
    before = bench.meter.read()
    report = bench.crowd(None, *options, "--purchases-per-customer", 0, "--pay", 1)
    cpu = bench.spent_since(before)
    paid = report["answers"]["pay"].get("paid", 0)
    found = bench.orders_paid() - paid_before
    if not 0 < paid <= found <= report["purchases"]["acknowledged"]:
        raise Trouble(f"{paid} payments were acknowledged, {found} orders are paid")
    numbers.add("order.checkout_per_s", paid / report["elapsed_s"])
    numbers.add("order.checkout_p99_ms", report["latency"]["purchase"]["p99_ms"])
    numbers.add("order.pay_p99_ms", report["latency"]["pay"]["p99_ms"])
    _add_cpu(numbers, "order.cpu_us_per_checkout", cpu, paid)


def _add_cpu(numbers, name, cpu, count):
    """Of all tiers, and of each that did something for it."""
    numbers.add(name, 1e6 * sum(cpu.values()) / count)
    for tier, short in TIERS.items():
        numbers.add(f"{name}.{short}", 1e6 * cpu[tier] / count)


def _metered(bench, file, connections, seconds):
    """(what wrk saw, seconds of CPU time by tier)"""
    before = bench.meter.read()
    load = wrk.run(
        bench.port("gateway"), requests=file, connections=connections, seconds=seconds
    )
    return load, bench.spent_since(before)
