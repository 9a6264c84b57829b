"""From an empty namespace to the first purchase, and a second deploy that changes nothing."""

import time

import namespace_state

from images.bringing import bring
from images.recipe import DEPLOYED

MARGIN = 3
FIRST_PURCHASE_SECONDS = 90


def test_from_nothing_to_the_first_purchase(cluster, figures):
    cluster.flows.phase("deploy")
    bring(cluster.kubectl, DEPLOYED)
    cluster.deploy("undeploy", "--data", "--yes")
    assert not cluster.kubectl.items("persistentvolumeclaims")
    began = time.monotonic()
    cluster.deploy("deploy")
    deployed = time.monotonic()
    cluster.open()
    sale = cluster.make_sale(units=10)
    bought = cluster.buy(sale, cluster.customer())
    assert bought.status == 201, bought
    seconds = time.monotonic() - began
    figures.measure("deploy", deployed - began, "s")
    figures.measure("deploy to first purchase", seconds, "s", FIRST_PURCHASE_SECONDS)
    assert seconds < MARGIN * FIRST_PURCHASE_SECONDS


def test_a_second_deploy_changes_nothing(shop, figures):
    before = namespace_state.snapshot(shop.kubectl)
    began = time.monotonic()
    shop.deploy("deploy")
    figures.measure("second deploy", time.monotonic() - began, "s")
    after = namespace_state.snapshot(shop.kubectl)
    assert not namespace_state.differences(before, after)
