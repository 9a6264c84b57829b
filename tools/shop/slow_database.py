"""A database whose disk is slow, so that a shop comes to its limits on any machine."""

from contextlib import contextmanager

ORDER_PODS = ("order-1", "order-2")


@contextmanager
def slow_database(shop, *, commit_us, batch_max):
    """Each commit of order takes so much longer, and a batch has so few purchases: together they
    say how many purchases per second there can be. Restarts both pods of order, twice."""
    settings = {"commit_delay": commit_us, "commit_siblings": 0}
    for name, value in settings.items():
        shop.postgres.ask(f"ALTER ROLE orders SET {name} = {value}")
    with shop.rooms.changed(ORDER_PODS, {"SALE_BATCH_MAX": str(batch_max)}):
        try:
            yield
        finally:
            # Before the second restart: connections keep what they began with.
            for name in settings:
                shop.postgres.ask(f"ALTER ROLE orders RESET {name}")
