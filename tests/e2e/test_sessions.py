"""Logins, sessions and who is slowed down, through the gateway."""

import base64
import concurrent.futures
import http.client
import json
import uuid
from collections import Counter

import pytest

PASSWORD = "a long enough secret"
GUESSES = 5
# Every address of 127.0.0.0/8 is a client of its own.
STRANGER = "127.0.0.66"
HOME = "127.0.0.67"
NEAR_HOME = "127.0.0.70"  # in the same network of 256 addresses
ELSEWHERE = "127.9.0.1"
STRANGERS = [f"127.8.{number}.1" for number in range(30)]


class Person:
    """Somebody with an account, at an address."""

    def __init__(self, shop, address=HOME):
        self.shop = shop
        self.address = address
        self.email = f"{uuid.uuid4()}@example.com"
        self.password = PASSWORD
        made = self.post("register", {"email": self.email, "password": self.password})
        assert made.status == 201, made

    def post(self, action, body, *, token=None, address=None):
        return ask(
            self.shop, f"/api/v1/auth/{action}", body, token=token, address=address or self.address
        )

    def login(self, password=None, *, address=None, device=None):
        body = {"email": self.email, "password": password or self.password}
        if device:
            body["device_token"] = device
        return self.post("login", body, address=address)

    def refresh(self, session):
        return self.post("refresh", {"refresh_token": session.body["refresh_token"]})

    def me(self, session):
        token = session.body["access_token"]
        return self.shop.request("GET", "/api/v1/auth/me", token=token)


def ask(shop, path, body, *, token=None, address):
    """As shop.request, from an address of this machine's loopback."""
    connection = http.client.HTTPConnection(
        *shop.address(), timeout=15, source_address=(address, 0)
    )
    fields = {"Content-Type": "application/json"}
    if token:
        fields["Authorization"] = f"Bearer {token}"
    try:
        connection.request("POST", path, body=json.dumps(body), headers=fields)
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Got(response.status, headers, response.read().decode())
    finally:
        connection.close()


class Got:
    def __init__(self, status, headers, text):
        self.status = status
        self.headers = headers
        self.text = text

    def __repr__(self):
        return f"{self.status} {self.text}"

    @property
    def body(self):
        return json.loads(self.text)

    @property
    def code(self):
        return self.body.get("code")


@pytest.fixture
def person(shop):
    return Person(shop)


def password_checks(shop):
    """How many passwords auth has hashed to compare them, by its own count."""
    return int(shop.metric("auth", "doorbuster_auth_password_checks_total"))


def test_a_lost_answer_to_a_refresh_may_be_asked_for_again(person):
    session = person.login()
    first = person.refresh(session)
    again = person.refresh(session)
    assert first.status == again.status == 200
    assert first.body["refresh_token"] == again.body["refresh_token"]
    assert first.body["refresh_token"] != session.body["refresh_token"]


def test_refreshes_at_the_same_time_agree_on_one_successor(person):
    session = person.login()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: person.refresh(session), range(16)))
    assert {one.status for one in answers} == {200}
    successors = {one.body["refresh_token"] for one in answers}
    assert len(successors) == 1
    assert person.refresh(answers[0]).status == 200


def test_a_used_refresh_token_that_comes_back_late_ends_its_session(shop, person):
    stolen = person.login()
    elsewhere = person.login()
    current = person.refresh(stolen)
    raw = base64.urlsafe_b64encode(b"\0" * 32).decode().rstrip("=")
    made_up = person.post("refresh", {"refresh_token": raw})
    assert made_up.status == 401, "it ends nothing"
    shop.shop.postgres.ask(
        "update auth.refresh_tokens set used_at = used_at - interval '11 seconds'"
        " where used_at is not null"
    )
    assert person.refresh(stolen).code == "refresh_token_invalid"
    assert person.refresh(current).code == "refresh_token_invalid"
    assert person.refresh(elsewhere).status == 200


def test_logging_out_ends_one_session_and_logging_out_everywhere_all(person):
    one, two, three = person.login(), person.login(), person.login()
    token = {"refresh_token": one.body["refresh_token"]}
    assert person.post("logout", token).status == 204
    assert person.refresh(one).status == 401
    assert person.refresh(two).status == 200
    done = person.post("logout-all", {}, token=three.body["access_token"])
    assert done.status == 204
    assert person.refresh(three).status == 401
    assert person.me(three).status == 200, "an access token lives on until it expires"
    assert person.post("logout-all", {}).code == "token_missing"


def test_a_changed_password_ends_every_session_but_the_one_it_answers(person):
    here, elsewhere = person.login(), person.login()
    token = here.body["access_token"]
    wanted = {"current_password": PASSWORD, "new_password": "quite another secret"}
    changed = person.post("password", wanted, token=token)
    assert changed.status == 200, changed
    for old in (here, elsewhere):
        assert person.refresh(old).status == 401
    assert person.refresh(changed).status == 200
    assert person.me(changed).body["email"] == person.email
    assert person.login().code == "credentials_wrong"
    assert person.login("quite another secret").status == 200


def test_a_password_is_changed_by_its_owner_only(person):
    token = person.login().body["access_token"]
    wanted = {"current_password": "not the password", "new_password": "quite another secret"}
    assert person.post("password", wanted).code == "token_missing"
    codes = [person.post("password", wanted, token=token).code for _ in range(GUESSES + 1)]
    assert codes == ["current_password_wrong"] * GUESSES + ["too_many_failures"]
    assert person.login().status == 200


def test_passwords_changed_at_the_same_time_leave_one_of_them(person):
    token = person.login().body["access_token"]

    def change(number):
        wanted = {"current_password": PASSWORD, "new_password": f"secret of number {number}"}
        return person.post("password", wanted, token=token)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(change, range(4)))
    won = [number for number, one in enumerate(answers) if one.status == 200]
    assert len(won) == 1, answers
    assert person.login(f"secret of number {won[0]}").status == 200
    assert person.refresh(answers[won[0]]).status == 200


def test_a_stranger_who_guesses_does_not_shut_the_owner_out(person):
    device = person.login().body["device_token"]
    for _ in range(GUESSES):
        assert person.login("a guess", address=STRANGER).code == "credentials_wrong"
    slowed = person.login(address=STRANGER)
    assert slowed.code == "too_many_failures", "not even the right one, from there"
    assert 1 <= int(slowed.headers["retry-after"]) <= 20
    assert person.login().status == 200, "the owner, elsewhere"
    assert person.login(address=STRANGER, device=device).status == 200, "or with a known device"


def test_many_strangers_who_guess_shut_nobody_out_who_is_known(person):
    session = person.login()
    guess = person.login
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for _ in range(GUESSES):
            list(pool.map(lambda address: guess("a guess", address=address), STRANGERS))
    assert person.login(address=ELSEWHERE).code == "too_many_failures", "a new place waits"
    assert person.login(address=NEAR_HOME).status == 200, "a place of a former login does not"
    device = session.body["device_token"]
    assert person.login(address=ELSEWHERE, device=device).status == 200, "nor a known device"


def test_an_address_that_a_caller_claims_to_have_is_not_believed(shop, person):
    body = {"email": person.email, "password": "a guess"}
    codes = [
        shop.request(
            "POST",
            "/api/v1/auth/login",
            body=body,
            headers={"X-Forwarded-For": f"192.0.2.{number}", "X-Real-Ip": f"192.0.2.{number}"},
        ).code
        for number in range(GUESSES + 1)
    ]
    assert codes == ["credentials_wrong"] * GUESSES + ["too_many_failures"]


def test_guesses_sent_all_at_once_are_slowed_down_too(person):
    guesses = [f"guess {number}" for number in range(30)] + [PASSWORD]
    with concurrent.futures.ThreadPoolExecutor(len(guesses)) as pool:
        answers = list(pool.map(lambda one: person.login(one, address="127.0.0.68"), guesses))
    outcomes = Counter(one.status for one in answers)
    # A few are judged while the failure before them is being written.
    assert outcomes[401] + outcomes[200] <= 3 * GUESSES, outcomes


def test_an_unknown_address_costs_the_same_work_and_is_told_the_same(shop, person):
    tries = 4
    answers = []
    for email in (person.email, f"{uuid.uuid4()}@example.com"):
        before = password_checks(shop)
        for _ in range(tries):
            body = {"email": email, "password": "not the right one"}
            answers.append(ask(shop, "/api/v1/auth/login", body, address="127.0.0.69"))
        assert password_checks(shop) - before == tries
    assert len({(one.status, one.text) for one in answers}) == 1, answers
    told = {tuple(sorted(set(one.headers) - {"date"})) for one in answers}
    assert len(told) == 1, "the same headers"


def test_a_disabled_account_is_shut_out_until_it_is_enabled(shop, person):
    session = person.login()
    shop.shop.command("account", "disable", "--email", person.email)
    assert person.login("a guess").code == "credentials_wrong", "a stranger learns nothing"
    assert person.login().code == "account_disabled"
    assert person.refresh(session).status == 401
    assert person.me(session).status == 401
    shop.shop.command("account", "enable", "--email", person.email)
    assert person.refresh(session).status == 401, "its sessions are over"
    assert person.login().status == 200


def test_an_operator_makes_and_unmakes_administrators(shop, person):
    def role():
        token = person.login().body["access_token"]
        refused = shop.request("POST", "/api/v1/products", token=token, body={}, key="k" * 16)
        return "customer" if refused.status == 403 else "admin"

    assert role() == "customer"
    session = person.login()
    shop.shop.command("admin", "grant", "--email", person.email)
    assert role() == "admin"
    assert person.refresh(session).status == 401, "what a customer opened does not become more"
    raised = person.login()
    assert raised.body["account"]["role"] == "admin"
    assert person.email in shop.shop.command("account", "list", "--role", "admin")
    shop.shop.command("admin", "revoke", "--email", person.email)
    assert person.refresh(raised).status == 401, "what it had as an administrator is over"
    assert role() == "customer"
    assert person.email not in shop.shop.command("account", "list", "--role", "admin")
