"""Ten times as many buyers as the shop can serve, by the clock: who can't be served is told so at
once, the others are served, and whoever runs the shop still gets through."""

import pytest

from bench.watch import Watch
from shop.rooms import ROOMS
from shop.slow_database import slow_database
from shop.waiting import wait_until

# Some 170 purchases a second, whatever the machine: so little that ten times as many are no work.
COMMIT_US = 20_000
BATCH_MAX = 4
TIMES = 10
SECONDS = 5
HOLD_S = 8  # longer than that, so that no unit comes back meanwhile

# Promised, in milliseconds, and the margin of a busy machine.
MARGIN = 3
REFUSED_WITHIN_MS = 50
ADMIN_WITHIN_MS = 200
HEALTH_WITHIN_MS = 200
GROWTH_MIB = 64
RECOVERED_WITHIN_SECONDS = 10

BUSY_REFUSALS = "doorbuster_gateway_busy_refusals_total"


@pytest.fixture
def slow_shop(shop):
    with slow_database(shop.shop, commit_us=COMMIT_US, batch_max=BATCH_MAX):
        yield shop


def crowd_of(shop, sale, name, *options):
    return shop.crowd(sale, name, "--retry-max", 0, "--purchases-per-customer", 0, *options)


def is_refused_unseen(shop, sale):
    """Whether one of order's pods tells somebody without a token that its line is full."""
    path = f"/api/v1/flash-sales/{sale}/orders"
    answers = [shop.request("POST", path, room=pod) for pod in ("order-1", "order-2")]
    return any(each.status == 503 and "x-busy-for-ms" in each.headers for each in answers)


def capacity(shop):
    sale = shop.make_sale(units=100_000, limit=1000, holds=1000)
    options = ("--connections", 100, "--duration-s", 2)
    return crowd_of(shop, sale, "capacity", *options).report()["purchases"]["per_second"]


def test_ten_times_too_many_buyers_are_refused_quickly_and_nobody_else_notices(slow_shop):
    shop = slow_shop
    per_second = capacity(shop)
    sale = shop.make_sale(units=100_000, limit=1000, holds=1000, hold_s=HOLD_S)
    refused_before = shop.metric("gateway", BUSY_REFUSALS)
    with Watch(shop.shop, shop.admin_token(), sale) as watch:
        crowd = crowd_of(
            shop, sale, "overload", "--arrival", "open", "--rate", TIMES * per_second,
            "--connections", 2000, "--duration-s", SECONDS,
        )  # fmt: skip
        wait_until(
            lambda: is_refused_unseen(shop, sale), SECONDS, what="order refuses before it looks"
        )
        report = crowd.report()
    assert shop.request("POST", f"/api/v1/flash-sales/{sale}/orders", room="order-1").status == 401
    refused = report["latency"]["not_served"]
    assert refused["count"] > 0.5 * report["arrivals"], report["fates"]
    assert refused["p99_ms"] <= MARGIN * REFUSED_WITHIN_MS, refused
    refused_at_the_door = shop.metric("gateway", BUSY_REFUSALS) - refused_before
    assert refused_at_the_door > 0.5 * refused["count"], "order itself had to refuse the most"
    assert report["purchases"]["acknowledged"] > 0.5 * per_second * SECONDS, report["fates"]
    assert report["exchanges"]["unanswered"] == 0, report["answers"]
    assert watch.failures == []
    assert watch.admin_p99_ms <= MARGIN * ADMIN_WITHIN_MS
    assert watch.health_p99_ms <= MARGIN * HEALTH_WITHIN_MS
    assert watch.most_growth_mib <= GROWTH_MIB, watch.growth_mib

    def is_served():
        return shop.buy(sale, shop.customer()).status == 201

    wait_until(is_served, RECOVERED_WITHIN_SECONDS, what="the next buyer is served")
    assert all(shop.shop.rooms.is_ready(name) for name in ROOMS)
    shop.settle(sale)
    shop.audit(crowd.log)
