"""A shopper's account, through the gateway."""

import uuid


def register(shop, email, password="a long enough secret"):
    body = {"email": email, "password": password}
    return shop.request("POST", "/api/v1/auth/register", body=body)


def login(shop, email, password="a long enough secret"):
    body = {"email": email, "password": password}
    return shop.request("POST", "/api/v1/auth/login", body=body)


def test_register_login_buy_refresh_logout(shop):
    email = f"{uuid.uuid4()}@example.com"
    assert register(shop, email).status == 201
    assert register(shop, email.upper()).status == 409
    session = login(shop, email)
    assert session.status == 200
    token = session.body["access_token"]
    assert shop.request("GET", "/api/v1/auth/me", token=token).body["email"] == email
    assert shop.buy(shop.make_sale(), token).status == 201
    refresh = {"refresh_token": session.body["refresh_token"]}
    renewed = shop.request("POST", "/api/v1/auth/refresh", body=refresh)
    assert renewed.status == 200
    assert shop.request(
        "GET", "/api/v1/auth/me", token=renewed.body["access_token"]
    ).body["email"] == email
    latest = {"refresh_token": renewed.body["refresh_token"]}
    assert shop.request("POST", "/api/v1/auth/logout", body=latest).status in (200, 204)
    assert shop.request("POST", "/api/v1/auth/refresh", body=latest).status == 401


def test_a_wrong_password_and_an_unknown_address_look_the_same(shop):
    email = f"{uuid.uuid4()}@example.com"
    register(shop, email)
    wrong = login(shop, email, "not the right one")
    unknown = login(shop, f"{uuid.uuid4()}@example.com", "not the right one")
    assert (wrong.status, wrong.code) == (unknown.status, unknown.code)
    assert wrong.status == 401


def test_a_refresh_token_is_no_access_token(shop):
    email = f"{uuid.uuid4()}@example.com"
    register(shop, email)
    refresh = login(shop, email).body["refresh_token"]
    assert shop.request("GET", "/api/v1/auth/me", token=refresh).status == 401


def test_the_keys_are_public_and_hold_nothing_private(shop):
    keys = shop.request("GET", "/.well-known/jwks.json").body["keys"]
    assert keys and all("d" not in key and key["kty"] == "EC" for key in keys)
