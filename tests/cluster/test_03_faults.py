"""Sales through the ingress during which parts of the shop die, each audited afterwards with its
log. No gap between two purchases may be three times as long as what is promised."""

import functools
import time

import pytest
import sentinel_switch
from failover_watch import FailoverWatch
from fault_sale import (
    FAULT_AT,
    MARGIN,
    NEW_MASTER_SECONDS,
    ORDER_DEAD_GAP,
    ORDER_STOPPED_GAP,
    POSTGRES_READY_GAP,
    RATE,
    REDIS_GAP,
    fault_sale,
)
from host_processes import Stopped, kill

from shop.waiting import wait_until

# Longer than any bound on a gap: were nobody to take over, the gap would show it.
STOPPED_SECONDS = MARGIN * ORDER_STOPPED_GAP + 2
LEADS_TO_NEW_MASTER_SECONDS = 2.0


@pytest.fixture(autouse=True)
def whole(shop):
    """Each fault meets a whole shop, and leaves one."""
    shop.wait_whole()
    yield
    shop.wait_whole()


def wait_started_anew(shop, pod):
    """Until another process than before serves in the same pod."""
    shop.pods.wait(
        lambda pods: any(
            one.uid == pod.uid and one.container_ids != pod.container_ids and one.is_serving()
            for one in pods
        ),
        60, f"{pod.name} runs anew",
    )  # fmt: skip


def test_quiet_sale_with_a_backup(shop, figures, round_):
    """The dump is taken in the middle of the sale, so what is restored has an open one."""
    with fault_sale(shop, figures, "none; backup") as sale:
        sale.wait_until_second(2)
        shop.flows.phase("backup")
        shop.run_job("backup")
    shop.run_job("restore-check")
    shop.audit_restored()
    restored, state = orders_of(shop, sale.id, "doorbuster_restored")
    in_the_end, final_state = orders_of(shop, sale.id, "doorbuster")
    sale.row.notes["restored_orders"] = restored
    assert 0 < restored < in_the_end
    assert state != final_state, "the dump was taken while the sale was open"


def orders_of(shop, sale, database):
    """How many orders a database has of a sale, and in which state that is."""
    return map(int, shop.database.sql(
        "SELECT count(o.id), s.state FROM orders.sale_standings AS s"
        f" LEFT JOIN orders.sale_orders AS o USING (sale_no) WHERE s.id = '{sale}'"
        " GROUP BY s.state",
        database,
    ).split("|"))  # fmt: skip


# -- Redis ---------------------------------------------------------------------------------------


def measure_new_master(sale, watch, figures, fault, former_runs):
    """How long after the fault an order pod uses a master that is none of the `former_runs`."""
    fault()
    began = time.monotonic()
    look = watch.wait_for_renewal(MARGIN * NEW_MASTER_SECONDS, not_by=former_runs, after=began)
    seconds = look.at - began
    sale.row.notes["new_master_used_s"] = round(seconds, 1)
    figures.measure(f"{sale.row.fault}, to master used", seconds, "s", NEW_MASTER_SECONDS)
    assert seconds < MARGIN * NEW_MASTER_SECONDS


def test_redis_master_pod_deleted(shop, figures, round_):
    master = shop.redis.master()
    former = {shop.redis.run_of(master)}
    with fault_sale(
        shop, figures, "Redis master pod deleted", promised_gap_s=REDIS_GAP
    ) as sale:
        with FailoverWatch(shop.kubectl, "redis-sentinel-0", sale.id) as watch:
            watch.wait_for_renewal(MARGIN * NEW_MASTER_SECONDS)
            fault = functools.partial(shop.disruption.delete, [master])
            measure_new_master(sale, watch, figures, fault, former)
        shop.pods.wait_gone([master.uid])


def test_redis_master_process_killed(shop, figures, on_node, round_):
    """The kubelet starts it again in its pod: either it is the master again, or another one is."""
    master = shop.redis.master()
    former = {shop.redis.run_of(master)}
    with fault_sale(
        shop, figures, "Redis master process killed", promised_gap_s=REDIS_GAP
    ) as sale:
        with FailoverWatch(shop.kubectl, "redis-sentinel-0", sale.id) as watch:
            watch.wait_for_renewal(MARGIN * NEW_MASTER_SECONDS)
            fault = functools.partial(kill, master)
            measure_new_master(sale, watch, figures, fault, former)
        wait_started_anew(shop, master)


def test_all_redis_pods_deleted(shop, figures, round_):
    """None of the former runs of Redis counts, so each has died before the test goes on."""
    pods = shop.pods.pods("redis")
    former = {shop.redis.run_of(pod) for pod in pods}
    with fault_sale(
        shop, figures, "all Redis pods deleted", promised_gap_s=REDIS_GAP
    ) as sale:
        with FailoverWatch(shop.kubectl, "redis-sentinel-0", sale.id) as watch:
            watch.wait_for_renewal(MARGIN * NEW_MASTER_SECONDS)
            fault = functools.partial(shop.disruption.delete, pods, at_once=True)
            measure_new_master(sale, watch, figures, fault, former)
        shop.pods.wait_gone([pod.uid for pod in pods])


def test_redis_primary_follows_the_sentinels(shop, figures, on_node, round_):
    """They are asked to switch; each pod of redis-primary then leads to whom they name."""
    shop.flows.phase("switch of the sentinels")
    seconds = sentinel_switch.measure(shop)
    figures.measure(
        "sentinels' switch, to redis-primary there", seconds, "s", LEADS_TO_NEW_MASTER_SECONDS
    )
    assert seconds < MARGIN * LEADS_TO_NEW_MASTER_SECONDS


def test_a_sentinel_deleted(shop, figures, round_):
    sentinel = shop.pods.serving("redis-sentinel")[0]
    with fault_sale(shop, figures, "a sentinel deleted", promised_gap_s=REDIS_GAP) as sale:
        sale.wait_until_second(FAULT_AT)
        shop.disruption.delete([sentinel])
        shop.pods.wait_gone([sentinel.uid])
        shop.pods.wait_serving("redis-sentinel", 3)


def test_all_sentinels_deleted(shop, figures, round_):
    """While none is there, order's connections to the master are cut: it comes back through
    redis-primary."""
    master = shop.redis.master()
    sentinels = [pod.uid for pod in shop.pods.pods("redis-sentinel")]
    before = {pod.uid: fall_backs(shop, pod) for pod in shop.pods.serving("order")}
    with fault_sale(
        shop, figures, "all sentinels deleted", promised_gap_s=REDIS_GAP
    ) as sale:
        sale.wait_until_second(FAULT_AT)
        shop.disruption.scale("statefulset/redis-sentinel", 0)
        try:
            shop.pods.wait_gone(sentinels)
            shop.redis.ask(master, "CLIENT", "KILL", "TYPE", "normal")
            wait_until(
                lambda: all(fell_back(shop, pod, before) for pod in shop.pods.serving("order")),
                15, what="every order pod reached the master through redis-primary",
            )  # fmt: skip
        finally:
            shop.disruption.scale("statefulset/redis-sentinel", 3)
        shop.pods.wait_serving("redis-sentinel", 3)


def fell_back(shop, pod, before):
    """Once more than before, and connected now."""
    known = shop.metrics(pod)["doorbuster_redis_connected"]
    return known == 1 and fall_backs(shop, pod) > before[pod.uid]


def fall_backs(shop, pod):
    """How often a pod has said that it reached Redis through redis-primary."""
    lines = shop.log(pod.name).splitlines()
    return sum("redis is connected" in line and "redis-primary:6379" in line for line in lines)


# -- order ---------------------------------------------------------------------------------------


def test_an_order_pod_deleted_without_grace(shop, figures, round_):
    with fault_sale(
        shop, figures, "order pod deleted without grace", promised_gap_s=ORDER_DEAD_GAP
    ) as sale:
        sale.wait_until_second(FAULT_AT)
        holder = shop.redis.wait_for_lease_holder(sale.id)
        shop.disruption.delete([holder], at_once=True)
        shop.redis.wait_for_lease_holder(sale.id, without={holder.uid})
        shop.pods.wait_serving("order", 2, without={holder.uid})


def test_an_order_process_killed(shop, figures, on_node, round_):
    with fault_sale(
        shop, figures, "order process killed", promised_gap_s=ORDER_DEAD_GAP
    ) as sale:
        sale.wait_until_second(FAULT_AT)
        holder = shop.redis.wait_for_lease_holder(sale.id)
        kill(holder)
        wait_started_anew(shop, holder)
        shop.redis.wait_for_lease_holder(sale.id)


def test_an_order_pod_stopped_past_its_lease(shop, figures, on_node, round_):
    """For longer than the bound on a gap, so purchases have to go on without it."""
    with fault_sale(
        shop, figures, "order pod stopped", promised_gap_s=ORDER_STOPPED_GAP
    ) as sale:
        sale.wait_until_second(FAULT_AT)
        holder = shop.redis.wait_for_lease_holder(sale.id)
        with Stopped(holder):
            began = time.monotonic()
            shop.redis.wait_for_lease_holder(sale.id, without={holder.uid})
            taken, taken_at = time.monotonic() - began, time.time()
            sale.go_on(STOPPED_SECONDS - taken)
            still = shop.redis.lease_holder(sale.id)
            continued_at = time.time()
        assert still is not None and still.uid != holder.uid
    figures.measure("order pod stopped, to lease taken over", taken, "s", ORDER_STOPPED_GAP)
    bought = len(sale.purchases_between(taken_at, continued_at))
    sale.row.notes["bought_while_stopped"] = bought
    assert bought > 0.5 * RATE * (continued_at - taken_at)


# -- PostgreSQL ----------------------------------------------------------------------------------


def test_postgres_pod_deleted(shop, figures, round_):
    former = shop.pods.one("postgres-0")
    with fault_sale(shop, figures, "PostgreSQL pod deleted", sells=0.5) as sale:
        sale.wait_until_second(FAULT_AT)
        shop.disruption.delete([former])
        shop.pods.wait_serving("postgres", 1, 90, without={former.uid})
        ready_second, ready_at = sale.second(), time.time()
        sale.go_on(MARGIN * POSTGRES_READY_GAP)
    sale.row.notes["ready_s"] = round(ready_second - FAULT_AT, 1)
    bought = sale.purchases_between(ready_at)
    assert bought, "nothing was bought after PostgreSQL was Ready"
    after_ready = bought[0] - ready_at
    figures.measure("PostgreSQL Ready, to selling again", after_ready, "s", POSTGRES_READY_GAP)
    assert after_ready < MARGIN * POSTGRES_READY_GAP
