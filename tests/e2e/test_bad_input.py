"""Each kind of bad input has its own clear answer and changes nothing."""

import uuid

import forged_tokens
import pytest


@pytest.fixture(scope="module")
def sale(shop):
    return shop.make_sale(units=10)


def place(shop, sale, body, *, key="k" * 16, token=None, **arguments):
    return shop.request(
        "POST",
        f"/api/v1/flash-sales/{sale}/orders",
        token=token or shop.customer(),
        key=key,
        body=body,
        **arguments,
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("", ""),
        ("{", ""),
        ("[]", ""),
        ("null", ""),
        ('{"quantity": 1', "quantity"),
        ('{"quantity": 1} trailing', ""),
        ('{"quantity": 1, "quantity": 2}', "quantity"),
        ("{}", "quantity"),
        ('{"quantity": "1"}', "quantity"),
        ('{"quantity": 1.5}', "quantity"),
        ('{"quantity": null}', "quantity"),
        ('{"quantity": 99999999999999999999}', "quantity"),
        ('{"quantity": 0}', "quantity"),
        ('{"quantity": -1}', "quantity"),
        ('{"quantity": 1001}', "quantity"),
        ('{"quantity": 1, "unit_price_cents": 1}', "unit_price_cents"),
        ('{"quantity": 1, "\\ud800": 1}', "quantity"),  # the last place that was sound
    ],
)
def test_a_body_that_makes_no_sense(shop, sale, body, field):
    before = shop.sale(sale)
    refused = place(shop, sale, body)
    assert refused.status == 400, refused
    assert refused.headers["content-type"].startswith("application/problem+json")
    problem = refused.body
    assert problem["status"] == 400 and problem["code"] in ("invalid_body", "invalid_field")
    assert problem["detail"]
    assert problem.get("field", "") == field
    assert shop.sale(sale) == before


@pytest.mark.parametrize("key", [None, "", "with space", "x" * 129, "caf\u00e9"])
def test_an_idempotency_key_that_is_missing_or_unfit(shop, sale, key):
    headers = {} if key is None else {"Idempotency-Key": key.encode("utf-8")}
    refused = place(shop, sale, {"quantity": 1}, key=None, headers=headers)
    assert refused.status == 400, refused
    assert refused.body["field"] == "header Idempotency-Key"


@pytest.mark.parametrize("unknown", ["no-uuid", str(uuid.uuid4()), "%2e%2e"])
def test_a_sale_that_does_not_exist(shop, unknown):
    refused = place(shop, unknown, {"quantity": 1})
    assert refused.status in (400, 404), refused
    assert refused.code in ("sale_unknown", "path_invalid")


def test_an_order_that_does_not_exist(shop):
    token = shop.customer()
    for path in (f"/api/v1/orders/{uuid.uuid4()}", "/api/v1/orders/nonsense"):
        assert shop.request("GET", path, token=token).code == "order_unknown"
    assert shop.pay(str(uuid.uuid4()), token).code == "order_unknown"
    assert shop.cancel(str(uuid.uuid4()), token).code == "order_unknown"


def test_a_payment_method_that_nobody_knows(shop, sale):
    token = shop.customer()
    order = shop.buy(sale, token).body["order_id"]
    refused = shop.pay(order, token, "gold")
    assert (refused.status, refused.body["field"]) == (400, "payment_method")
    assert shop.cancel(order, token).status == 200


def test_a_body_that_is_too_large(shop, sale):
    refused = place(shop, sale, '{"quantity": ' + " " * 200_000 + "1}")
    assert refused.status == 413, refused


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"units": 0}, "units"),
        ({"units": "many"}, "units"),
        ({"currency": "euro"}, "currency"),
        ({"starts_at": "tomorrow"}, "starts_at"),
        ({"ends_at": "2020-01-01T00:00:00Z"}, "ends_at"),
        ({"units_per_customer": 0}, "units_per_customer"),
        (
            {"units": 200, "units_per_customer": 101, "unit_price_cents": 1_000_000_000},
            "units_per_customer",
        ),
        ({"hold_ms": 1}, "hold_ms"),
        ({"name": ""}, "name"),
        ({"product_id": "7"}, "product_id"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_sale_that_cannot_be(shop, change, field):
    body = {
        "product_id": shop.product_id,
        "name": "No",
        "units": 5,
        "unit_price_cents": 100,
        "currency": "EUR",
        "starts_at": "2099-01-01T00:00:00Z",
        "ends_at": "2099-01-02T00:00:00Z",
    } | change
    refused = shop.admin("POST", "/api/v1/flash-sales", key=str(uuid.uuid4()), body=body)
    assert (refused.status, refused.body.get("field")) == (400, field), refused


# -- who is asking -------------------------------------------------------------------------------


def test_without_a_token(shop, sale):
    refused = shop.request(
        "POST", f"/api/v1/flash-sales/{sale}/orders", key="k", body={"quantity": 1}
    )
    assert (refused.status, refused.code) == (401, "token_missing")
    assert "www-authenticate" in refused.headers


def test_with_a_token_that_is_not_ours(shop, sale):
    good = shop.customer()
    forged = [
        "nonsense",
        "a.b.c",
        good[:-4] + ("AAAA" if not good.endswith("AAAA") else "BBBB"),
        forged_tokens.with_claims(good, role="admin"),
        forged_tokens.with_claims(good, exp=4102444800),
        good + "x" * 5000,
    ]
    for token in forged:
        refused = place(shop, sale, {"quantity": 1}, token=token)
        assert refused.status in (401, 431), (token, refused)
    for token in forged[:-1]:
        # Each room checks for itself, not only the gateway.
        refused = place(shop, sale, {"quantity": 1}, token=token, room="order-1")
        assert (refused.status, refused.code) == (401, "token_invalid"), (token, refused)


def expect_refused_everywhere(shop, sale, token):
    for room in (None, "order-1"):
        refused = place(shop, sale, {"quantity": 1}, token=token, room=room)
        assert (refused.status, refused.code) == (401, "token_invalid"), (token, refused)
    assert shop.request("GET", "/api/v1/auth/me", token=token).code == "token_invalid"


def test_our_own_signature_is_not_enough(shop, sale, tmp_path):
    """Nor is the public key as a shared secret, nor any other trick that is known."""
    good, key_file = shop.customer(), shop.shop.state.signing_key_file()
    sound = forged_tokens.signed(key_file, *forged_tokens.parts_of(good))
    path = "/api/v1/auth/me"
    assert shop.request("GET", path, token=sound).status == 200, "else the rest proves nothing"
    keys = shop.request("GET", "/.well-known/jwks.json").text.encode()
    other = forged_tokens.another_key(tmp_path)
    for token in forged_tokens.forgeries(good, key_file, other, keys).values():
        expect_refused_everywhere(shop, sale, token)


def test_an_expired_token(shop, sale):
    made = forged_tokens.expired(shop.customer(), shop.shop.state.signing_key_file())
    refused = place(shop, sale, {"quantity": 1}, token=made)
    assert (refused.status, refused.code) == (401, "token_expired")


def test_a_customer_is_no_admin(shop, sale):
    for action in ("pause", "resume", "end"):
        path = f"/api/v1/flash-sales/{sale}/{action}"
        assert shop.request("POST", path, token=shop.customer()).code == "admin_only"
    assert shop.request(
        "GET", f"/api/v1/flash-sales/{sale}/audit", token=shop.customer()
    ).code == "admin_only"


def test_identity_headers_mean_nothing(shop, sale):
    headers = {"X-User-Id": str(uuid.uuid4()), "X-User-Roles": "admin", "X-User-Role": "admin"}
    path = f"/api/v1/flash-sales/{sale}/pause"
    assert shop.request("POST", path, headers=headers).status == 401
    assert shop.request("POST", path, token=shop.customer(), headers=headers).status == 403


@pytest.mark.parametrize(
    "path",
    [
        "/internal/v1/reservations",
        "/internal/v1/flash-sales/00000000-0000-0000-0000-000000000000/batches",
        "/api/v1/../../internal/v1/reservations",
        "/api/v1/%2e%2e/%2e%2e/internal/v1/reservations",
        "//internal/v1/reservations",
        "/metrics",
        "/livez",
    ],
)
def test_inside_is_not_reached_from_outside(shop, path):
    for token in (None, shop.admin_token()):
        refused = shop.request("POST", path, token=token, body={})
        assert refused.status in (400, 404), refused
    secret = shop.shop.state.secret("order-service-secret")
    stolen = shop.request(
        "POST", path, body={}, headers={"Authorization": f"Service order:{secret}"}
    )
    assert stolen.status in (400, 401, 404), stolen


def test_inside_needs_a_service_credential(shop):
    for headers in ({}, {"Authorization": "Service order:wrong"}, {"Authorization": "Service x"}):
        refused = shop.request(
            "POST", "/internal/v1/reservations", body={}, headers=headers, room="product"
        )
        assert (refused.status, refused.code) == (401, "service_credential_required")
