"""Sales through the ingress during which parts of the shop die, each audited afterwards with its
log. No gap between two purchases may be three times as long as what is promised."""

import functools
import time

import pytest
from failover_watch import FailoverWatch
from fault_sale import (
    FAULT_AT,
    MARGIN,
    NEW_MASTER_SECONDS,
    ORDER_DEAD_GAP,
    ORDER_STOPPED_GAP,
    POSTGRES_READY_GAP,
    REDIS_GAP,
    fault_sale,
)
from host_processes import Stopped, kill

from shop.waiting import wait_until

STOPPED_SECONDS = 6
SENTINELS_AWAY_SECONDS = 5
# A sale whose fault takes as long as it takes: its arrivals end when all has been seen.
LONG = 120
AFTERWARDS_SECONDS = 2


@pytest.fixture(autouse=True)
def whole(shop):
    """Each fault meets a whole shop, and leaves one."""
    shop.wait_whole()
    yield
    shop.wait_whole()


def go_on_a_while(sale):
    """So that what comes after the fault is seen too; then the arrivals end."""
    sale.wait_until_second(sale.second() + AFTERWARDS_SECONDS)
    sale.end_arrivals()


def test_quiet_sale_with_a_backup(shop, figures, round_):
    """The dump is taken in the middle of the sale, so what is restored has an open one."""
    with fault_sale(shop, figures, "none; backup") as sale:
        sale.wait_until_second(2)
        shop.flows.phase("backup")
        shop.run_job("backup")
    shop.run_job("restore-check")
    shop.audit_restored()
    restored = shop.database.sql("SELECT count(*) FROM orders.sale_orders", "doorbuster_restored")
    assert int(restored) > 0
    sale.row.notes["restored_orders"] = int(restored)


# -- Redis ---------------------------------------------------------------------------------------


def measure_new_master(sale, watch, figures, fault, *, not_at=None):
    """How long after the fault an order pod uses a master again; `not_at`: another one."""
    began = time.monotonic()
    fault()
    look = watch.wait_for_lease(MARGIN * NEW_MASTER_SECONDS, not_at=not_at, after=began)
    seconds = look.at - began
    sale.row.notes["new_master_used_s"] = round(seconds, 1)
    figures.measure(f"{sale.row.fault}, to master used", seconds, "s", NEW_MASTER_SECONDS)


def test_redis_master_pod_deleted(shop, figures, round_):
    master = shop.redis.master()
    with fault_sale(
        shop, figures, "Redis master pod deleted", promised_gap_s=REDIS_GAP, seconds=LONG
    ) as sale:
        with FailoverWatch(shop.kubectl, "redis-sentinel-0", sale.id) as watch:
            before = watch.wait_for_lease(MARGIN * NEW_MASTER_SECONDS)
            fault = functools.partial(shop.disruption.delete, [master])
            measure_new_master(sale, watch, figures, fault, not_at=before.master)
        go_on_a_while(sale)


def test_redis_master_process_killed(shop, figures, on_node, round_):
    """The kubelet starts it again in its pod: either it is the master again, or another one is."""
    master = shop.redis.master()
    with fault_sale(
        shop, figures, "Redis master process killed", promised_gap_s=REDIS_GAP, seconds=LONG
    ) as sale:
        with FailoverWatch(shop.kubectl, "redis-sentinel-0", sale.id) as watch:
            watch.wait_for_lease(MARGIN * NEW_MASTER_SECONDS)
            measure_new_master(sale, watch, figures, functools.partial(kill, master))
        go_on_a_while(sale)


def test_all_redis_pods_deleted(shop, figures, round_):
    with fault_sale(
        shop, figures, "all Redis pods deleted", promised_gap_s=REDIS_GAP, seconds=LONG
    ) as sale:
        with FailoverWatch(shop.kubectl, "redis-sentinel-0", sale.id) as watch:
            watch.wait_for_lease(MARGIN * NEW_MASTER_SECONDS)
            pods = shop.pods.pods("redis")
            fault = functools.partial(shop.disruption.delete, pods, at_once=True)
            measure_new_master(sale, watch, figures, fault)
        go_on_a_while(sale)


def test_a_sentinel_deleted(shop, figures, round_):
    sentinel = shop.pods.serving("redis-sentinel")[0]
    with fault_sale(shop, figures, "a sentinel deleted", promised_gap_s=REDIS_GAP) as sale:
        sale.wait_until_second(FAULT_AT)
        shop.disruption.delete([sentinel])


def test_all_sentinels_deleted(shop, figures, round_):
    """While none is there, order's connections to the master are cut: it comes back through
    redis-primary."""
    master = shop.redis.master()
    sentinels = [pod.uid for pod in shop.pods.pods("redis-sentinel")]
    with fault_sale(
        shop, figures, "all sentinels deleted", promised_gap_s=REDIS_GAP, seconds=LONG
    ) as sale:
        sale.wait_until_second(FAULT_AT)
        shop.disruption.scale("statefulset/redis-sentinel", 0)
        try:
            shop.pods.wait_gone(sentinels)
            shop.redis.ask(master, "CLIENT", "KILL", "TYPE", "normal")
            wait_until(
                lambda: all(fell_back(shop, pod) for pod in shop.pods.serving("order")), 15,
                what="every order pod reached the master through redis-primary",
            )  # fmt: skip
        finally:
            shop.disruption.scale("statefulset/redis-sentinel", 3)
        go_on_a_while(sale)


def fell_back(shop, pod):
    """Since the last half a minute, and connected now."""
    log = shop.log(pod.name, "--since=30s")
    through = [line for line in log.splitlines() if "redis-primary:6379" in line]
    connected = any("redis is connected" in line for line in through)
    return connected and shop.metrics(pod)["doorbuster_redis_connected"] == 1


# -- order ---------------------------------------------------------------------------------------


def test_an_order_pod_deleted_without_grace(shop, figures, round_):
    with fault_sale(
        shop, figures, "order pod deleted without grace", promised_gap_s=ORDER_DEAD_GAP
    ) as sale:
        sale.wait_until_second(FAULT_AT)
        shop.disruption.delete([shop.redis.lease_holder(sale.id)], at_once=True)


def test_an_order_process_killed(shop, figures, on_node, round_):
    with fault_sale(
        shop, figures, "order process killed", promised_gap_s=ORDER_DEAD_GAP
    ) as sale:
        sale.wait_until_second(FAULT_AT)
        kill(shop.redis.lease_holder(sale.id))


def test_an_order_pod_stopped_past_its_lease(shop, figures, on_node, round_):
    with fault_sale(
        shop, figures, "order pod stopped", promised_gap_s=ORDER_STOPPED_GAP
    ) as sale:
        sale.wait_until_second(FAULT_AT)
        with Stopped(shop.redis.lease_holder(sale.id)):
            sale.wait_until_second(FAULT_AT + STOPPED_SECONDS)


# -- PostgreSQL ----------------------------------------------------------------------------------


def test_postgres_pod_deleted(shop, figures, round_):
    former = shop.pods.one("postgres-0")
    with fault_sale(shop, figures, "PostgreSQL pod deleted", seconds=LONG, sells=0.5) as sale:
        sale.wait_until_second(FAULT_AT)
        shop.disruption.delete([former])
        shop.pods.wait_serving("postgres", 1, 90, without={former.uid})
        ready = sale.second()
        sale.wait_until_second(ready + 3 * MARGIN)
        sale.end_arrivals()
    after_ready = sale.selling_again_second() - ready
    sale.row.notes["ready_s"] = round(ready - FAULT_AT, 1)
    figures.measure("PostgreSQL Ready, to selling again", after_ready, "s", POSTGRES_READY_GAP)
    assert after_ready < MARGIN * POSTGRES_READY_GAP
