"""Ten thousand connections that nobody uses cost memory, and not much of it."""

import pytest

from bench import memory
from bench.idle_connections import OTHER_FILES, WANTED, IdleConnections, possible

MIB_MAX = 150  # for as many as are wanted


@pytest.fixture
def gateway(shop):
    """With room for them; new, since memory that others gave back would serve these."""
    count = possible()
    room_for_them = {"CONNECTIONS_MAX": str(count + OTHER_FILES)}
    with shop.shop.rooms.changed(["gateway"], room_for_them):
        yield shop.shop.launcher.pid("gateway")


def test_idle_connections_cost_little_and_the_shop_goes_on_selling(shop, gateway):
    count = possible()
    sale = shop.make_sale(units=100_000, limit=1000, holds=1000, hold_s=5)
    _, port = shop.address()
    before = memory.resident_mib(gateway)
    idle = IdleConnections(port, count)
    try:
        grown = memory.resident_mib(gateway) - before
        crowd = shop.crowd(
            sale, "idle", "--connections", 50, "--arrival", "open", "--rate", 200,
            "--duration-s", 3, "--purchases-per-customer", 0,
        )  # fmt: skip
        report = crowd.report()
        assert idle.still_open() == count
        assert idle.still_answer(every=100)
    finally:
        idle.close()
    assert grown <= MIB_MAX * count / WANTED
    assert report["purchases"]["acknowledged"] == report["arrivals"], report["fates"]
    shop.settle(sale)
    shop.audit(crowd.log)
