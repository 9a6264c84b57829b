"""What an operator does on a day of sale, and what no buyer or reader may notice: every Deployment
restarted, each pod evicted, a version put in and taken back."""

import time

import pytest
from cluster_under_test import WORKLOADS
from fault_sale import assert_nobody_noticed, fault_sale
from second_version import SecondVersion

from shop.waiting import wait_until

# All but PostgreSQL and the sandbox provider, of each of which there is one.
WITH_A_BUDGET = set(WORKLOADS) - {"postgres", "payment"}
# Customers' tokens live ten minutes, and are less than four old when a sale begins.
EVICTIONS_SECONDS = 330


@pytest.fixture(autouse=True)
def whole(shop):
    shop.wait_whole()
    yield
    shop.wait_whole()


def test_every_deployment_restarted(shop, figures, round_):
    deployments = shop.disruption.deployments()
    with fault_sale(shop, figures, "rollout restart of all") as sale:
        sale.wait_until_second(2)
        shop.disruption.restart(deployments)
        shop.disruption.wait_rolled_out(deployments)
        sale.row.notes["rolled_out_s"] = round(sale.second() - 2, 1)
    assert_nobody_noticed(sale)


def test_each_pod_with_a_budget_evicted(shop, figures, round_):
    """One after the other, the Redis master too; while one is away, the next is refused."""
    with fault_sale(
        shop, figures, "each pod evicted", longest_seconds=EVICTIONS_SECONDS
    ) as sale:
        sale.wait_until_second(2)
        budgets = shop.disruption.budgets()
        assert set(budgets) == WITH_A_BUDGET
        sale.row.notes["evicted"] = {kind: evict_each(shop, kind) for kind in sorted(budgets)}
    assert_nobody_noticed(sale)


def evict_each(shop, kind):
    """{pod: seconds until its kind was whole again}"""
    pods = shop.pods.serving(kind)
    if kind == "redis":
        master = shop.redis.master().uid
        pods.sort(key=lambda pod: pod.uid != master)
    took = {}
    for pod in pods:
        wait_until(
            lambda: shop.disruption.budgets()[kind] == 1, 60, what=f"one pod of {kind} may go"
        )
        began = time.monotonic()
        assert shop.disruption.evict(pod), f"{pod.name} could not be evicted"
        second = next(one for one in shop.pods.serving(kind) if one.uid != pod.uid)
        assert not shop.disruption.evict(second), f"{pod.name} and {second.name} were evicted"
        shop.pods.wait_serving(kind, len(pods), 90, without={pod.uid})
        if kind.startswith("redis"):
            shop.pods.wait_gone([pod.uid])
            wait_until(lambda: not shop.redis.why_not_whole(), 60, what="Redis is whole")
        took[pod.name] = round(time.monotonic() - began, 1)
    shop.pods.wait_gone([pod.uid for pod in pods])
    return took


def test_a_new_version_taken_back_on_a_newer_schema(shop, figures, on_node):
    """The version that is put back meets a schema of one step more than it knows."""
    order = shop.pods.serving("order")[0]
    with SecondVersion(shop.kubectl, order) as image, fault_sale(
        shop, figures, "new version, rollout undo"
    ) as sale:
        sale.wait_until_second(1)
        shop.database.plant_newer_schema("orders")
        try:
            shop.kubectl.run("set", "image", "deployment/order", f"room={image}")
            shop.disruption.wait_rolled_out(["order"])
            shop.kubectl.run("rollout", "undo", "deployment/order")
            shop.disruption.wait_rolled_out(["order"])
        finally:
            shop.database.remove_newer_schema("orders")
    assert_nobody_noticed(sale)


def test_data_is_there_after_every_pod_was_deleted(shop, figures):
    shop.flows.phase("all pods deleted")
    sale = shop.make_sale(units=3, hold_s=3)
    bought = shop.buy(sale, shop.customer())
    assert bought.status == 201, bought
    before = shop.database.rows()
    began = time.monotonic()
    pods = [pod for pod in shop.pods.pods() if not pod.is_finished]
    shop.disruption.delete(pods)
    shop.pods.wait_gone([pod.uid for pod in pods], 120)
    shop.wait_whole()
    wait_until(
        lambda: shop.buy(sale, shop.customer()).status == 201, 60, what="it sells again"
    )
    figures.measure("all pods deleted, to first purchase", time.monotonic() - began, "s")
    after = shop.database.rows()
    assert {table: count for table, count in after.items() if count < before[table]} == {}
    assert shop.database.sql(
        f"SELECT count(*) FROM orders.sale_orders WHERE id = '{bought.body['order_id']}'"
    ) == "1"
    shop.settle(sale)
    shop.audit()
