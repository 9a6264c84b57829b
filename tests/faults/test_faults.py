"""A sale under load in which something dies. Afterwards every unit and every answer must add up,
and no gap between two purchases may be three times as long as what the README promises."""

import os
import signal
import time

import pytest
from lossy_proxy import LossyProxy

from shop.redis_set import NODES, SENTINELS
from shop.waiting import wait_until

UNITS = 200_000
SECONDS = 14
FAULT_AT = 4

# Promised longest gaps between two purchases, in seconds, and the margin of a busy machine.
MARGIN = 3
REDIS_GAP = 1.0
ORDER_DEAD_GAP = 1.5
ORDER_STOPPED_GAP = 5.0
POSTGRES_READY_GAP = 3.0


@pytest.fixture
def sale(shop):
    made = shop.make_sale(units=UNITS, limit=50, holds=100, hold_s=3)
    yield made
    shop.revive()


def buyers(shop, sale, name):
    return shop.crowd(
        sale, name, "--connections", 200, "--arrival", "open", "--rate", 400,
        "--duration-s", SECONDS, "--purchases-per-customer", 50, "--duplicates", "0.05",
        "--pay", "0.8", "--cancel", "0.1", "--pay-delay-ms", "0:2500",
        "--request-timeout-ms", 5000, "--give-up-s", 20,
    )  # fmt: skip


def gap_seconds(report):
    return report["purchases"]["longest_gap_ms"] / 1000


def sold_well(report):
    """A sale that goes on sells most of what is asked for."""
    assert report["purchases"]["acknowledged"] > 0.8 * report["arrivals"], report["fates"]


def check(shop, sale, crowd):
    shop.settle(sale)
    shop.audit(crowd.log)


def test_a_quiet_sale_first(shop, sale):
    crowd = buyers(shop, sale, "quiet")
    report = crowd.report()
    sold_well(report)
    check(shop, sale, crowd)


def test_an_order_process_is_killed(shop, sale):
    crowd = buyers(shop, sale, "killed")
    crowd.wait_until_second(FAULT_AT)
    shop.shop.launcher.kill("order-1")
    crowd.wait_until_second(FAULT_AT + 4)
    shop.shop.rooms.start_one("order-1")
    crowd.wait_until_second(FAULT_AT + 7)
    shop.shop.launcher.kill("order-2")
    report = crowd.report()
    sold_well(report)
    assert gap_seconds(report) < MARGIN * ORDER_DEAD_GAP
    shop.revive()
    check(shop, sale, crowd)


@pytest.mark.parametrize("pod", ["order-1", "order-2"])
def test_an_order_process_is_stopped_past_its_lease_and_continued(shop, sale, pod):
    crowd = buyers(shop, sale, f"stopped-{pod}")
    crowd.wait_until_second(FAULT_AT)
    pid = shop.shop.launcher.pid(pod)
    os.kill(pid, signal.SIGSTOP)
    try:
        crowd.wait_until_second(FAULT_AT + 6)
    finally:
        os.kill(pid, signal.SIGCONT)
    report = crowd.report()
    sold_well(report)
    assert gap_seconds(report) < MARGIN * ORDER_STOPPED_GAP
    check(shop, sale, crowd)


def test_postgres_restarts_as_after_a_crash(shop, sale):
    crowd = buyers(shop, sale, "postgres")
    crowd.wait_until_second(FAULT_AT)
    shop.shop.launcher.kill("postgres")
    time.sleep(1)
    shop.shop.postgres.start()
    shop.shop.postgres.wait_ready()
    ready = time.monotonic() - crowd.started
    report = crowd.report()
    assert report["purchases"]["acknowledged"] > 0.5 * report["arrivals"], report["fates"]
    after_fault = FAULT_AT + gap_seconds(report) - ready
    assert after_fault < MARGIN * POSTGRES_READY_GAP
    check(shop, sale, crowd)


def test_product_and_auth_are_away_during_a_sale(shop, sale):
    crowd = buyers(shop, sale, "neighbours")
    crowd.wait_until_second(FAULT_AT)
    shop.shop.launcher.kill("product")
    shop.shop.launcher.kill("auth")
    report = crowd.report()
    sold_well(report)
    assert gap_seconds(report) < MARGIN * REDIS_GAP
    shop.revive()
    check(shop, sale, crowd)


def test_the_payment_provider_dies_twice_during_a_sale(shop, sale):
    """Units are bought all the time; what is paid while it is away is paid later or not at all, and
    no money is kept without an order."""
    crowd = buyers(shop, sale, "payment")
    for second in (FAULT_AT, FAULT_AT + 5):
        crowd.wait_until_second(second)
        shop.shop.launcher.kill("payment")
        crowd.wait_until_second(second + 2)
        shop.shop.rooms.start_one("payment")
    report = crowd.report()
    sold_well(report)
    assert gap_seconds(report) < MARGIN * REDIS_GAP
    shop.revive()
    check(shop, sale, crowd)
    undone = "select count(*) from orders.payment_attempts where state in (0, 3, 5)"
    wait_until(lambda: shop.shop.postgres.ask(undone) == "0", 30, what="every attempt is done")
    shop.audit(crowd.log)


def test_a_rolling_restart_loses_no_request(shop, sale):
    crowd = buyers(shop, sale, "rolling")
    for pod, second in (("order-1", FAULT_AT), ("order-2", FAULT_AT + 4)):
        crowd.wait_until_second(second)
        shop.shop.launcher.stop([pod], grace_seconds=10)
        shop.shop.rooms.start_one(pod)
    report = crowd.report()
    sold_well(report)
    assert gap_seconds(report) < MARGIN * ORDER_DEAD_GAP
    check(shop, sale, crowd)


def test_the_network_swallows_the_answers_of_commits(shop, sale):
    """order-1's transactions commit, and it never hears of it: neither may a buyer be told
    "failed", nor may the second attempt sell twice."""
    under_test = shop.shop
    with LossyProxy(under_test.numbers["postgres"]) as proxy:
        lead_through(under_test, "order-1", proxy.port)
        crowd = buyers(shop, sale, "swallowed")
        for round_ in range(3):
            crowd.wait_until_second(FAULT_AT + 3 * round_)
            proxy.swallow_answers()
            crowd.wait_until_second(FAULT_AT + 3 * round_ + 1.7)
            proxy.pass_on()
        report = crowd.report()
        assert proxy.swallowed_bytes > 0
        lead_through(under_test, "order-1", None)
    sold_well(report)
    assert gap_seconds(report) < MARGIN * ORDER_STOPPED_GAP
    check(shop, sale, crowd)


def lead_through(under_test, pod, port):
    """Starts `pod` again with its database behind another port; None: directly."""
    under_test.launcher.stop([pod], grace_seconds=10)
    if port is None:
        under_test.rooms.overrides.pop(pod)
    else:
        password = under_test.state.secret("orders-database-password")
        direct = under_test.postgres.url("orders", password)
        url = direct.replace(f":{under_test.postgres.port}/", f":{port}/")
        file = under_test.state.secret_file("orders-lossy-database-url", url)
        under_test.rooms.overrides[pod] = {"DATABASE_URL_FILE": str(file)}
    under_test.rooms.start_one(pod)
    under_test.rooms.wait_ready()


# The last two: a shop's Redis is not put together again after it.


def test_the_redis_master_is_killed(shop, sale):
    redis = shop.shop.redis
    master = redis.master_port()
    crowd = buyers(shop, sale, "redis-master")
    crowd.wait_until_second(FAULT_AT)
    shop.shop.launcher.kill(redis.node_at(master))
    report = crowd.report()
    sold_well(report)
    assert gap_seconds(report) < MARGIN * REDIS_GAP
    assert redis.master_port() != master, "the sentinels chose no new master"
    check(shop, sale, crowd)


def test_redis_is_gone_entirely(shop, sale):
    crowd = buyers(shop, sale, "redis-gone")
    crowd.wait_until_second(FAULT_AT)
    for name in (*SENTINELS, *NODES):
        shop.shop.launcher.kill(name)
    report = crowd.report()
    sold_well(report)
    assert gap_seconds(report) < MARGIN * REDIS_GAP
    check(shop, sale, crowd)
