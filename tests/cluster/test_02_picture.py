"""Every box and arrow of the picture, one by one: what each does, seen where it does it."""

import base64
import json
import subprocess
import uuid

import edge_calls
import pytest
from cluster_under_test import WORKLOADS
from flow_policies import CALLED
from node_images import NodeImages, full_name
from redis_pods import fields

from shop.waiting import wait_until

ROOMS = ("gateway", "echo", "auth", "product", "order", "payment")
SECRETS_OF = {
    # product has nothing of it but the key that signs cursors.
    "common": {"gateway", "order", "product", "redis", "redis-sentinel", "redis-primary"},
    "jwt-key": {"auth"},
    "postgres-admin": {"postgres"},
    "auth-database": {"auth"},
    "product-database": {"product"},
    "order-database": {"order"},
    "payment-database": {"payment"},
    "payment-webhook": {"order", "payment"},
}
MEBIBYTE = 1 << 20
ALL_PODS_MEBIBYTES = 400
ROOMS_MEBIBYTES = 100
IMAGE_MEGABYTES = 40
ALL_IMAGES_MEGABYTES = 80


@pytest.fixture(scope="module", autouse=True)
def picture_phase(shop):
    shop.flows.phase("picture")


@pytest.mark.parametrize("kind", WORKLOADS)
def test_workload(shop, kind):
    shop.pods.wait_serving(kind, WORKLOADS[kind])


@pytest.mark.parametrize("service", [*ROOMS, "order-pods", "postgres", "redis-primary"])
def test_service_reaches_its_pods(shop, service):
    kind = "order" if service == "order-pods" else service

    def addresses():
        slices = shop.kubectl.items(
            "endpointslices", f"--selector=kubernetes.io/service-name={service}"
        )
        ends = [end for one in slices for end in one["endpoints"] or []]
        return {address for end in ends for address in end["addresses"]}

    pods = {pod.address for pod in shop.pods.serving(kind)}
    wait_until(lambda: addresses() == pods, 10, what=f"{service} leads to {pods}")


# -- the ingress and the rooms -------------------------------------------------------------------


def test_ingress_to_gateway(shop):
    assert shop.request("GET", "/").body["name"] == "doorbuster"


def test_gateway_to_echo(shop):
    assert shop.request("GET", "/api/v1/echo").body["path"] == "/api/v1/echo"


def test_gateway_to_auth(shop):
    email = f"guest-{uuid.uuid4()}@example.com"
    body = {"email": email, "password": f"pass-{uuid.uuid4()}"}
    assert shop.request("POST", "/api/v1/auth/register", body=body).status == 201
    session = shop.request("POST", "/api/v1/auth/login", body=body)
    assert session.status == 200, session
    me = shop.request("GET", "/api/v1/auth/me", token=session.body["access_token"])
    assert me.body["email"] == email


def test_gateway_to_product(shop):
    answer = shop.request("GET", f"/api/v1/products/{shop.product_id}")
    assert answer.body["id"] == shop.product_id


def test_gateway_to_every_order_pod(shop):
    for pod in shop.pods.serving("gateway"):
        known = shop.metrics(pod)['doorbuster_gateway_pods{room="order"}']
        assert known == len(shop.pods.serving("order"))


def test_nobody_reaches_internal_routes_from_outside(shop):
    for path in ("/internal/v1/reservations", "/internal/v1/payment-events", "/v1/charges"):
        answer = shop.request("POST", path, body={})
        assert answer.status in (401, 404), answer


def test_order_to_payment_and_back(shop):
    """A charge goes there; what became of it comes back as a webhook."""
    sale, token = shop.make_sale(units=1), shop.customer()
    order = shop.buy(sale, token).body["order_id"]
    assert shop.pay(order, token, "sandbox:slow").status == 202

    def state():
        return shop.request("GET", f"/api/v1/orders/{order}", token=token).body["state"]

    wait_until(lambda: state() == "paid", 10, what="the webhook has come")
    assert shop.cancel(order, token).body["state"] == "refunded"


@pytest.mark.parametrize("room", ["gateway", "product", "order"])
def test_auth_key_is_known_to(shop, room):
    for pod in shop.pods.serving(room):
        assert shop.metrics(pod)["doorbuster_access_keys"] >= 1, pod.name


def test_auth_signs_with_the_jwt_key_secret(shop):
    secret = shop.shop.secret("jwt-key", "signing-key.pem")
    command = ["openssl", "pkey", "-pubout", "-outform", "DER"]
    public = subprocess.run(command, input=secret.encode(), capture_output=True, check=True).stdout
    x, y = public[-64:-32], public[-32:]
    keys = shop.request("GET", "/.well-known/jwks.json").body["keys"]
    assert (unpadded(x), unpadded(y)) in [(key["x"], key["y"]) for key in keys]


def unpadded(number):
    return base64.urlsafe_b64encode(number).rstrip(b"=").decode()


# -- configuration -------------------------------------------------------------------------------


@pytest.mark.parametrize("room", ROOMS)
def test_configmap_common_is_used_by(shop, room):
    deployment = shop.kubectl.json("get", "deployment", room)
    sources = deployment["spec"]["template"]["spec"]["containers"][0]["envFrom"]
    assert {"configMapRef": {"name": "common"}} in sources


@pytest.mark.parametrize("secret", SECRETS_OF)
def test_secret_is_mounted_by_whom_it_is_for_alone(shop, secret):
    users = {
        item["metadata"]["labels"]["app.kubernetes.io/name"]
        for item in shop.kubectl.items("deployments,statefulsets")
        if f'"{secret}"' in json.dumps(item["spec"]["template"]["spec"].get("volumes", []))
    }
    assert users == SECRETS_OF[secret]


def test_no_pod_has_a_service_account_token(shop):
    for item in shop.kubectl.items("pods"):
        assert "kube-api-access" not in json.dumps(item["spec"]), item["metadata"]["name"]


# -- PostgreSQL ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "room, role",
    [("auth", "auth"), ("product", "product"), ("order", "orders"), ("payment", "payment")],
)
def test_room_uses_its_own_role_of_postgres(shop, room, role):
    sessions = shop.database.sql(
        "SELECT DISTINCT host(client_addr), usename FROM pg_stat_activity"
        " WHERE client_addr IS NOT NULL"
    )
    used = {tuple(line.split("|")) for line in sessions.splitlines()}
    for pod in shop.pods.serving(room):
        assert {name for address, name in used if address == pod.address} == {role}, pod.name


def test_postgres_keeps_its_data_in_a_claim_of_the_storage_class(shop):
    claim = shop.kubectl.json("get", "pvc", "postgres-data-postgres-0")
    assert claim["status"]["phase"] == "Bound"
    volume = shop.kubectl.json("get", "pv", claim["spec"]["volumeName"])
    shop.kubectl.json("get", "storageclass", volume["spec"]["storageClassName"])
    inside = shop.kubectl.run("exec", "postgres-0", "--", "sh", "-c", 'ls "$PGDATA/PG_VERSION"')
    assert "PG_VERSION" in inside


def test_acknowledged_orders_are_on_disk(shop):
    assert shop.database.sql("SHOW fsync") == "on"
    assert shop.database.sql("SHOW synchronous_commit") == "on"
    assert shop.database.sql("SHOW full_page_writes") == "on"


# -- Redis and its sentinels ---------------------------------------------------------------------


def test_redis_master_to_both_replicas(shop):
    master = shop.redis.master()
    key, value = f"picture:{uuid.uuid4()}", "replicated"
    shop.redis.ask(master, "SET", key, value, "EX", "60")
    others = [pod for pod in shop.pods.serving("redis") if pod.uid != master.uid]
    assert len(others) == 2
    for replica in others:
        wait_until(
            lambda: shop.redis.ask(replica, "GET", key) == value,
            10,
            what=f"{replica.name} has it",
        )


@pytest.mark.parametrize("number", [0, 1, 2])
def test_sentinel_watches_master_replicas_and_sentinels(shop, number):
    pod = shop.pods.one(f"redis-sentinel-{number}")
    seen = fields(shop.redis.ask_sentinel(pod, "SENTINEL", "MASTER", "doorbuster"))
    assert (seen["flags"], seen["num-slaves"], seen["num-other-sentinels"]) == ("master", "2", "2")
    quorum = shop.redis.ask_sentinel(pod, "SENTINEL", "CKQUORUM", "doorbuster")
    assert quorum.startswith("OK 3 usable")


@pytest.mark.parametrize("number", [0, 1, 2])
def test_service_redis_sentinel_leads_to(shop, number):
    pod = shop.pods.one(f"redis-sentinel-{number}")
    slices = shop.kubectl.items(
        "endpointslices", "--selector=kubernetes.io/service-name=redis-sentinel"
    )
    assert pod.address in json.dumps(slices)


@pytest.mark.parametrize("room", ["order", "gateway"])
def test_every_pod_that_needs_it_is_connected_to_the_redis_master(shop, room):
    clients = shop.redis.ask(shop.redis.master(), "CLIENT", "LIST")
    for pod in shop.pods.serving(room):
        assert shop.metrics(pod)["doorbuster_redis_connected"] == 1, pod.name
        assert f"addr={pod.address}:" in clients, pod.name


# -- selling -------------------------------------------------------------------------------------


def test_product_sets_stock_aside_for_a_sale(shop):
    """Order asks product's reserved stock API with the sale's id."""
    sale = shop.make_sale(units=7)
    wait_until(
        lambda: shop.sale(sale)["state"] in ("scheduled", "running", "ready"), 15,
        what="product has set the units aside",
    )  # fmt: skip
    reserved = shop.database.sql(
        "SELECT state, purpose, quantity FROM product.reservations AS r"
        " JOIN product.reservation_lines AS l ON l.reservation_id = r.id"
        f" WHERE r.id = '{sale}'"
    )
    assert reserved == "open|flash_sale|7"


def test_order_holds_the_redis_lock_and_updates_stock_in_one_transaction(shop):
    sale = shop.make_sale(units=5)
    bought = shop.buy(sale, shop.customer())
    assert bought.status == 201, bought
    wait_until(
        lambda: shop.redis.lease_holder(sale), 5, what="an order pod holds the sale's lease"
    )
    written = shop.database.sql(
        "SELECT s.remaining, b.remaining_after, o.quantity FROM orders.sale_standings AS s"
        " JOIN orders.sale_orders AS o USING (sale_no)"
        " JOIN orders.sale_batches AS b ON (b.sale_no, b.seq) = (o.sale_no, o.seq)"
        f" WHERE s.id = '{sale}'"
    )
    assert written == "4|4|1"


def test_order_to_order(shop):
    """A pod forwards its batches to the one that holds the lease."""
    series = 'doorbuster_sale_batches_total{way="forwarded"}'
    before = shop.metric_of_all("order", series)
    sale = shop.make_sale(units=1000, limit=1000, holds=1000)
    token = shop.customer()

    def forwarded():
        assert shop.buy(sale, token).status == 201
        return shop.metric_of_all("order", series) > before

    wait_until(forwarded, 20, what="a batch was forwarded")


# -- all edges, from the caller's own network ----------------------------------------------------


EDGES = edge_calls.callable_edges(list(WORKLOADS))


@pytest.mark.parametrize(
    "caller, target, port",
    EDGES,
    ids=[f"{caller} -> {target}:{port}" for caller, target, port in EDGES],
)
def test_edge(shop, on_node, caller, target, port):
    shop.flows.phase(CALLED)
    try:
        edge_calls.call(shop, caller, target, port)
    finally:
        shop.flows.phase("picture")


def test_redis_primary_leads_to_the_master(shop, on_node):
    """As order uses it when no sentinel answers: ROLE is asked behind it."""
    service = shop.kubectl.json("get", "service", "redis-primary")["spec"]["clusterIP"]
    password = shop.shop.secret("common", "redis-password")
    order = shop.pods.serving("order")[0]
    assert edge_calls.role_behind(order, service, password) == "master"


@pytest.mark.parametrize("kind", [*ROOMS, "redis-primary"])
def test_scraper_to_the_metrics_of(shop, kind):
    for pod in shop.pods.serving(kind):
        assert shop.metrics(pod), pod.name


def test_migrations_ran_as_a_job(shop):
    jobs = shop.kubectl.items("jobs", "--selector=app.kubernetes.io/name=migrate")
    assert any(job["status"].get("succeeded") for job in jobs)


def test_operator_job_to_postgres_redis_sentinels_and_gateway(shop):
    """Preflight asks all four."""
    shop.deploy("preflight")


# -- sizes ---------------------------------------------------------------------------------------


def test_memory_of_idle_pods(shop, figures):
    usage = measured_usage(shop)
    by_kind = {}
    for pod in shop.pods.pods():
        if pod.name in usage:
            by_kind[pod.kind] = by_kind.get(pod.kind, 0) + usage[pod.name] / MEBIBYTE
    figures.notes["idle_mebibytes"] = by_kind
    everything = sum(by_kind.values())
    rooms = sum(by_kind[room] for room in ROOMS)
    figures.measure("memory of all pods, idle", everything, "MiB", ALL_PODS_MEBIBYTES)
    figures.measure("memory of the rooms, idle", rooms, "MiB", ROOMS_MEBIBYTES)
    assert everything < ALL_PODS_MEBIBYTES, by_kind
    assert rooms < ROOMS_MEBIBYTES, by_kind


def measured_usage(shop):
    """Once the metrics API knows every serving pod."""
    usage = {}

    def complete():
        usage.update(shop.usage())
        return all(pod.name in usage for kind in WORKLOADS for pod in shop.pods.serving(kind))

    wait_until(complete, 90, what="the metrics API knows all pods")
    return usage


def test_unpacked_sizes_of_images(shop, figures, on_node):
    """Of what the node has, not of what was built somewhere."""
    names = {name: image_of(shop, f"deployment/{name}") for name in ROOMS}
    names["doorbuster"] = image_of(shop, "cronjob/doorbuster")
    inside = NodeImages(shop.pods.serving("order")[0]).inside(names.values(), shop.folder)
    layers = {}
    for name, image in names.items():
        size = inside[image].unpacked_bytes() / 1e6
        figures.notes.setdefault("unpacked_megabytes", {})[name] = round(size, 1)
        assert size < IMAGE_MEGABYTES, name
        layers |= inside[image].layers
    largest = max(figures.notes["unpacked_megabytes"].values())
    together = sum(layers.values()) / 1e6
    figures.measure("largest image of rooms and operator", largest, "MB", IMAGE_MEGABYTES)
    figures.measure("all seven, shared layers once", together, "MB", ALL_IMAGES_MEGABYTES)
    assert together < ALL_IMAGES_MEGABYTES


def image_of(shop, workload):
    item = shop.kubectl.json("get", workload)
    spec = item["spec"].get("jobTemplate", item)["spec"]
    return full_name(spec["template"]["spec"]["containers"][0]["image"])
