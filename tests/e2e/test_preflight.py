"""`doorbuster preflight` passes on a healthy shop, and names what was broken in one that is not."""

import json
import os
import re
import signal
import subprocess
from contextlib import contextmanager

import pytest
from lossy_proxy import LossyProxy

from shop import postgres, processes
from shop.ports import LOOPBACK
from shop.redis_set import SENTINELS
from shop.rooms import program
from shop.waiting import wait_until

SCRATCH_PRODUCT = "Preflight scratch product, not for sale"
RECOVERY_SECONDS = 30


def run_preflight(shop, *options, **environment):
    command = [str(program("doorbuster")), "preflight", "--json", *options]
    return subprocess.run(
        command,
        env=shop.shop.operator_environment() | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def preflight(shop, *options, **environment):
    """The rows by area and name, and the exit code."""
    done = run_preflight(shop, *options, **environment)
    assert done.returncode in (0, 1), done.stderr
    report = json.loads(done.stdout)
    rows = {(row["area"], row["check"]): row for row in report["checks"]}
    failed = sorted(name for name, row in rows.items() if row["verdict"] == "FAILED")
    assert done.returncode == (1 if failed else 0), report
    assert all(row["fix"] for row in rows.values() if row["verdict"] != "ok"), report
    return rows, failed


def failed_checks(shop, **environment):
    """Without the purchase: what is broken is to be seen before anybody buys."""
    _, failed = preflight(shop, "--skip-smoke", **environment)
    return failed


def wait_until_healthy(shop):
    wait_until(
        lambda: not failed_checks(shop), RECOVERY_SECONDS, what="preflight finds nothing failed"
    )


@contextmanager
def setting(shop, name, value):
    """A setting of the server that needs no restart."""
    shop.shop.postgres.ask(f"alter system set {name} = {value}")
    shop.shop.postgres.ask("select pg_reload_conf()")
    try:
        wait_until(
            lambda: shop.shop.postgres.ask(f"show {name}") == value, 10, what=f"{name} is {value}"
        )
        yield
    finally:
        shop.shop.postgres.ask(f"alter system reset {name}")
        shop.shop.postgres.ask("select pg_reload_conf()")
        wait_until(
            lambda: shop.shop.postgres.ask(f"show {name}") != value, 10, what=f"{name} is back"
        )


def scratch_sales(shop):
    sales = shop.request("GET", "/api/v1/flash-sales?limit=100").body["flash_sales"]
    return [sale for sale in sales if sale["name"] == "Preflight, not for sale"]


def test_a_healthy_shop_passes_and_sells_one_unit(shop):
    before = len(scratch_sales(shop))
    rows, failed = preflight(shop)
    assert failed == []
    purchase = [name for area, name in rows if area == "Smoke purchase"]
    assert purchase == [
        "scratch product", "sale of one unit", "purchase", "same key again", "payment",
        "second buyer", "settlement", "counters", "cleaned up",
    ]  # fmt: skip
    sales = scratch_sales(shop)
    assert len(sales) == before + 1
    assert sales[0]["state"] == "settled"
    assert sales[0]["sold"] == 1
    shop.audit()


def test_a_second_run_uses_the_same_product_and_shows_it_to_nobody(shop):
    preflight(shop)
    preflight(shop)
    products = {sale["product_id"] for sale in scratch_sales(shop)}
    assert len(products) == 1
    product = shop.request("GET", f"/api/v1/products/{products.pop()}").body
    assert product["archived"] and product["reserved"] == 0
    listed = shop.request("GET", "/api/v1/products?limit=100").body["products"]
    assert SCRATCH_PRODUCT not in [one["name"] for one in listed]
    accounts = "select count(*) from auth.accounts where id::text like '00000000-%'"
    assert shop.shop.postgres.ask(accounts) == "0"


def test_addresses_that_are_not_clients_are_noticed(shop):
    row = ("Rooms", "clients' addresses")
    assert preflight(shop, "--skip-smoke")[0][row]["verdict"] == "ok"
    with shop.shop.rooms.changed(["gateway"], {"TRUSTED_PROXIES": LOOPBACK}):
        # Enough to be noticed beside preflight's own requests, which name nobody.
        for hop in 10 * (LOOPBACK, "192.0.2.1"):
            told = {"X-Forwarded-For": hop}
            assert shop.request("GET", "/api/v1/products", headers=told).status == 200
        found = preflight(shop, "--skip-smoke")[0][row]
        assert found["verdict"] == "warning", found
        assert found["found"].startswith("10 of "), found
    rows, failed = preflight(shop, "--skip-smoke", ROOM_PODS="auth=127.0.0.1:1")
    assert failed == [("Rooms", "auth pods")]
    assert rows[row]["found"].startswith("not looked at"), rows[row]


@pytest.mark.parametrize("name", ["fsync", "synchronous_commit", "full_page_writes", "autovacuum"])
def test_a_database_that_is_not_durable_fails(shop, name):
    with setting(shop, name, "off"):
        assert ("PostgreSQL", name) in failed_checks(shop)
    wait_until_healthy(shop)


def test_synchronous_commit_switched_off_for_one_room_only_is_found(shop):
    shop.shop.postgres.ask("alter role orders set synchronous_commit = off")
    try:
        rows, failed = preflight(shop, "--skip-smoke")
        assert failed == [("PostgreSQL", "synchronous_commit")]
        assert "role orders" in rows["PostgreSQL", "synchronous_commit"]["found"]
    finally:
        shop.shop.postgres.ask("alter role orders reset synchronous_commit")


def test_somebody_idle_in_a_transaction_fails(shop):
    # Held by a server process of its own: psql waits for more of its standard input.
    idle = subprocess.Popen(
        [postgres.program("psql"), "--no-psqlrc", "--quiet"],
        env=shop.shop.postgres.client_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        idle.stdin.write("begin;\nselect 1;\n")
        idle.stdin.flush()
        wait_until(
            lambda: ("PostgreSQL", "transactions") in failed_checks(shop),
            RECOVERY_SECONDS,
            what="preflight sees a transaction that is idle",
        )
    finally:
        idle.kill()
        idle.wait()
    wait_until_healthy(shop)


def test_an_older_schema_fails(shop):
    newest = "(select max(version) from orders.schema_migrations)"
    shop.shop.postgres.ask(
        "create table public.preflight_kept as select * from orders.schema_migrations"
        f" where version = {newest}"
    )
    shop.shop.postgres.ask(f"delete from orders.schema_migrations where version = {newest}")
    try:
        rows, failed = preflight(shop, "--skip-smoke")
        assert failed == [("PostgreSQL", "schemas")]
        assert "doorbuster migrate" in rows["PostgreSQL", "schemas"]["fix"]
    finally:
        shop.shop.postgres.ask(
            "insert into orders.schema_migrations select * from public.preflight_kept"
        )
        shop.shop.postgres.ask("drop table public.preflight_kept")
    wait_until_healthy(shop)


def test_a_dead_sentinel_fails(shop):
    shop.shop.launcher.kill(SENTINELS[0])
    try:
        assert ("Redis", "sentinels") in failed_checks(shop)
    finally:
        shop.shop.redis.start_one(SENTINELS[0])
    wait_until_healthy(shop)


def test_a_dead_replica_fails(shop):
    redis = shop.shop.redis
    master = redis.node_at(redis.master_port())
    replica = next(name for name in redis.node_ports if name != master)
    shop.shop.launcher.kill(replica)
    try:
        assert ("Redis", "replicas") in failed_checks(shop)
    finally:
        redis.start_one(replica)
    wait_until_healthy(shop)


def test_a_wrong_password_of_redis_fails(shop):
    failed = failed_checks(shop, REDIS_PASSWORD_FILE="", REDIS_PASSWORD="kq3F9sJx0vQm2LrTw8Zb")
    assert failed == [("Redis", "fallback"), ("Redis", "master")]


def test_a_well_known_secret_fails_and_is_not_shown(shop):
    done = run_preflight(
        shop, "--skip-smoke", ADMIN_PASSWORD_FILE="", ADMIN_PASSWORD="redis_pass"
    )
    assert done.returncode == 1
    assert "ADMIN_PASSWORD" in done.stdout
    assert "redis_pass" not in done.stdout + done.stderr


def test_a_dead_order_pod_and_a_dead_gateway_fail(shop):
    shop.shop.launcher.kill("order-1")
    shop.shop.launcher.kill("gateway")
    try:
        failed = failed_checks(shop)
        assert failed == [("Rooms", "gateway"), ("Rooms", "gateway pods"), ("Rooms", "order pods")]
        rows, _ = preflight(shop)
        assert rows["Smoke purchase", "scratch product"]["verdict"] == "FAILED"
    finally:
        shop.shop.rooms.start_one("order-1")
        shop.shop.rooms.start_one("gateway")
        shop.shop.rooms.wait_ready()
    wait_until_healthy(shop)


def test_a_stopped_database_fails_in_a_bounded_time(shop):
    pid = shop.shop.launcher.pid("postgres")
    stopped = [pid, *processes.children(pid)]
    for each in stopped:
        os.kill(each, signal.SIGSTOP)
    try:
        _, failed = preflight(shop, "--skip-smoke", "--timeout-s", "20")
        assert ("PostgreSQL", "reachable") in failed
    finally:
        for each in stopped:
            os.kill(each, signal.SIGCONT)
    wait_until_healthy(shop)


def test_a_missing_configuration_is_wrong_usage(shop):
    done = run_preflight(shop, REDIS_SENTINELS="", DATABASE_ADMIN_URL_FILE="")
    assert done.returncode == 2
    assert "REDIS_SENTINELS" in done.stderr and "DATABASE_ADMIN_URL" in done.stderr
    assert run_preflight(shop, "--room-pods", "order").returncode == 2


def test_the_pools_of_the_rooms_are_what_preflight_takes_them_for():
    def told_by(name):
        done = subprocess.run(
            [str(program(name)), *(["preflight"] if name == "doorbuster" else []), "--help"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        return " ".join(done.stdout.split())

    defaults = {
        name: re.search(rf"\b{variable} (\d+)", told_by(room)).group(1)
        for name, room, variable in [
            ("auth", "auth", "DATABASE_CONNECTIONS_MAX"),
            ("product", "product", "DATABASE_CONNECTIONS_MAX"),
            ("order", "order", "DATABASE_CONNECTIONS_MAX"),
            ("order-sale", "order", "SALE_CONNECTIONS_MAX"),
        ]
    }
    wanted = ",".join(f"{name}={count}" for name, count in defaults.items())
    assert wanted in told_by("doorbuster").replace(", ", ",")


@contextmanager
def purchase_that_hangs(shop, *options):
    """A preflight that has a sale in the shop and gets no more answers; and what passes them on."""
    # From when it was told the sale's id: before that it could not end the sale by it.
    knows_the_sale = re.compile(rb" /api/v1/flash-sales/[0-9a-f-]{36}")
    with LossyProxy(int(shop.shop.url().rsplit(":", 1)[1]), knows_the_sale) as proxy:
        running = subprocess.Popen(
            [str(program("doorbuster")), "preflight", "--json", *options],
            env=shop.shop.operator_environment()
            | {"DOORBUSTER_URL": f"http://127.0.0.1:{proxy.port}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            proxy.wait_until_swallowing(RECOVERY_SECONDS)
            yield running, proxy
        finally:
            running.kill()
            running.wait()


def expect_nothing_in_sight(shop):
    sale = scratch_sales(shop)[0]
    assert sale["state"] in ("draining", "settled")
    assert shop.request("GET", f"/api/v1/products/{sale['product_id']}").body["archived"]


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_purchase_is_taken_away(shop, which):
    with purchase_that_hangs(shop) as (running, proxy):
        running.send_signal(which)
        proxy.pass_on()
        output, errors = running.communicate(timeout=60)
    assert running.returncode == 128 + which, errors
    assert "interrupted" in errors
    rows = {row["check"]: row for row in json.loads(output)["checks"]}
    assert rows["cleaned up"]["verdict"] == "ok", rows["cleaned up"]
    expect_nothing_in_sight(shop)


def test_a_purchase_that_runs_out_of_time_is_taken_away(shop):
    # Less than the 10 s that one request may take: it is the whole time that runs out.
    with purchase_that_hangs(shop, "--timeout-s", "9") as (running, _):
        output, errors = running.communicate(timeout=60)
    assert running.returncode == 1, errors
    rows = {row["check"]: row for row in json.loads(output)["checks"]}
    assert any(row["found"].startswith("the time was over") for row in rows.values()), rows
    # What it asked for was done, though it never heard so.
    assert rows["cleaned up"]["verdict"] == "FAILED"
    expect_nothing_in_sight(shop)
