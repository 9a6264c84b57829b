"""What is missing or wrong is refused early, with what to do about it, and costs nothing: the shop
goes on selling where it can, and all that it knew is there afterwards."""

import contextlib
import json

import namespace_state
import pytest
from small_database import SmallDatabase

from shop.waiting import wait_until

ABSENT = "localhost/doorbuster/order:absent"
PULL_FAILURES = {"ErrImagePull", "ImagePullBackOff"}


@pytest.fixture(autouse=True)
def whole(shop):
    shop.wait_whole()
    shop.flows.phase("bad input")
    yield
    shop.wait_whole()


@pytest.fixture
def sale(shop):
    return shop.make_sale(units=1000, limit=1000, holds=1000)


def assert_sells(shop, sale):
    bought = shop.buy(sale, shop.customer())
    assert bought.status == 201, bought


def test_a_lost_database_password_is_not_invented(shop, sale):
    """The volume knows the old one, so a new one would lock the shop out."""
    with without_secret(shop, "order-database"):
        before = namespace_state.snapshot(shop.kubectl)
        said = shop.deploy("deploy", fails=True)
        assert "order-database" in said and "Restore it" in said
        after = namespace_state.snapshot(shop.kubectl)
        assert not namespace_state.differences(before, after)
        assert_sells(shop, sale)


@contextlib.contextmanager
def without_secret(shop, name):
    kept = shop.kubectl.json("get", "secret", name)
    metadata = kept["metadata"]
    kept["metadata"] = {
        key: metadata[key] for key in ("name", "labels", "annotations") if key in metadata
    }
    shop.kubectl.run("delete", "secret", name)
    try:
        yield
    finally:
        # Not `apply`: it would write the secret once more, into an annotation.
        verb = "replace" if shop.kubectl.find("secret", name) else "create"
        shop.kubectl.run(verb, "--filename=-", input=json.dumps(kept))


def test_an_image_that_is_not_there(shop, sale):
    """The rollout stops at its first pod; the former ones go on."""
    shop.kubectl.run("set", "image", "deployment/order", f"room={ABSENT}")
    try:
        shop.pods.wait(
            lambda pods: any(PULL_FAILURES & set(pod.waiting_for) for pod in pods), 60,
            "the kubelet can't get the image",
        )  # fmt: skip
        assert_sells(shop, sale)
        said = shop.deploy("status", fails=True)
        assert ABSENT in said, "which image is missing"
    finally:
        shop.kubectl.run("rollout", "undo", "deployment/order")
    shop.disruption.wait_rolled_out(["order"])
    assert_sells(shop, sale)


def test_a_schema_that_is_too_old(shop, sale):
    """As if a release had been put in without its migrations: its pods wait, the others go on."""
    needed = shop.database.newest_version("orders")
    kept = shop.database.take_newest_version("orders")
    try:
        shop.disruption.restart(["order"])
        fresh = wait_for_unready(shop, "order")
        wait_until(
            lambda: f"{needed} is needed" in shop.readiness(fresh), 20,
            what="the new pod says which schema it needs",
        )  # fmt: skip
        assert "doorbuster migrate" in shop.readiness(fresh)
        assert_sells(shop, sale)
    finally:
        shop.database.put_back_version("orders", kept)
    shop.disruption.wait_rolled_out(["order"])
    assert_sells(shop, sale)


def wait_for_unready(shop, kind):
    """A running pod that isn't ready."""
    return shop.pods.wait(
        lambda pods: [
            pod for pod in pods
            if pod.kind == kind and pod.phase == "Running" and not pod.is_ready
            and not pod.is_ending
        ],
        60, f"a new pod of {kind} runs",
    )[0]  # fmt: skip


def test_a_database_that_is_not_reached(shop, sale):
    assert_sells(shop, sale)
    former = shop.pods.one("postgres-0")
    shop.disruption.scale("statefulset/postgres", 0)
    try:
        shop.pods.wait_gone([former.uid], 90)
        refused = shop.buy(sale, shop.customer_known())
        assert refused.status == 503 and "retry-after" in refused.headers, refused
        said = shop.deploy("preflight", fails=True)
        assert "postgres" in said.lower()
    finally:
        shop.disruption.scale("statefulset/postgres", 1)
    shop.pods.wait_serving("postgres", 1, 90)
    wait_until(
        lambda: shop.buy(sale, shop.customer_known()).status == 201, 30, what="it sells again"
    )


def test_a_full_volume(shop):
    """PostgreSQL of the manifests on a volume in memory: what it acknowledged is there once there
    is room again, and until then it says what it lacks."""
    with SmallDatabase(shop.kubectl, shop.pods) as database:
        database.wait_ready()
        made = database.sql("CREATE TABLE kept (text text);\n")
        assert made.returncode == 0, made.stderr
        database.sql("ALTER TABLE kept ALTER COLUMN text SET STORAGE PLAIN;\n")
        database.fill_volume()
        acknowledged, said = database.insert_until_full()
        assert acknowledged > 0 and said, "there was room for all"
        database.stop_at_once()
        wait_until(
            lambda: "the volume is full" in database.log(), 60,
            what="it refuses to start and says why",
        )  # fmt: skip
        database.free_volume()
        database.wait_ready()
        there = int(database.sql("SELECT count(*) FROM kept;\n").stdout)
        assert acknowledged <= there <= acknowledged + 1


def test_nothing_was_lost(shop):
    """After all of the above."""
    shop.audit()
