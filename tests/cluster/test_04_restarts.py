"""What an operator does on a day of sale, and what no buyer or reader may notice: every Deployment
restarted, each kind of pod evicted, a version put in and taken back."""

import time

import pytest
from fault_sale import assert_nobody_noticed, fault_sale
from second_version import SecondVersion
from test_03_faults import LONG, go_on_a_while

from shop.waiting import wait_until


@pytest.fixture(autouse=True)
def whole(shop):
    shop.wait_whole()
    yield
    shop.wait_whole()


def test_every_deployment_restarted(shop, figures, round_):
    deployments = shop.disruption.deployments()
    with fault_sale(shop, figures, "rollout restart of all", seconds=LONG) as sale:
        sale.wait_until_second(2)
        shop.disruption.restart(deployments)
        shop.disruption.wait_rolled_out(deployments)
        sale.row.notes["rolled_out_s"] = round(sale.second() - 2, 1)
        go_on_a_while(sale)
    assert_nobody_noticed(sale)


def test_each_kind_with_a_budget_evicted(shop, figures, round_):
    """One pod of each goes; one more than the budget allows is refused."""
    with fault_sale(shop, figures, "each kind evicted", seconds=2 * LONG) as sale:
        sale.wait_until_second(2)
        for kind in sorted(shop.disruption.budgets()):
            began = time.monotonic()
            evict_until_refused(shop, kind)
            sale.row.notes[f"{kind}_whole_again_s"] = round(time.monotonic() - began, 1)
        go_on_a_while(sale)
    assert_nobody_noticed(sale)


def evict_until_refused(shop, kind):
    wait_until(
        lambda: shop.disruption.budgets()[kind] > 0, 60, what=f"an eviction of {kind} is allowed"
    )
    pods = shop.pods.serving(kind)
    evicted = []
    for pod in pods:
        if not shop.disruption.evict(pod):
            break
        evicted.append(pod.uid)
    assert 0 < len(evicted) < len(pods), f"{len(evicted)} of {len(pods)} pods were evicted"
    shop.pods.wait_gone(evicted, 90)
    shop.pods.wait_serving(kind, len(pods), 90)


def test_a_new_version_taken_back_on_a_newer_schema(shop, figures, on_node):
    """The version that is put back meets a schema of one step more than it knows."""
    order = shop.pods.serving("order")[0]
    with SecondVersion(shop.kubectl, order) as image, fault_sale(
        shop, figures, "new version, rollout undo", seconds=LONG
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
        go_on_a_while(sale)
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
