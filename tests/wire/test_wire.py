"""Every contract that can be reached from outside, against a running shop: schemathesis makes
requests from the contract, sound ones and broken ones, and each answer must be one that the contract
declares: its status, its content type, its headers and its body."""

import json
import os
import re
import subprocess
import uuid
from pathlib import Path

import pytest
import schemathesis_tool

ROOT = Path(__file__).resolve().parents[2]
HOOKS = Path(__file__).with_name("hooks.py")
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
PASSWORD = "a long enough secret"

# Cases per operation: so many that all four contracts take a minute and a half at most.
CASES = {"auth": 25, "echo": 15, "product": 40, "order": 30}
LIMIT_SECONDS = 240
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
)
# Echo answers whatever method it is asked by.
EXCLUDED = {"echo": ["--exclude-checks", "unsupported_method"]}

SETTINGS = """\
[auth]
auto-signup = false
[checks]
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 409, 413, 422, 429]
"""


def operations_of(contract):
    """[(method, path, lines)] of a contract of ours: paths indented by two, methods by four."""
    found = []
    path = None
    in_paths = False
    for line in (ROOT / "contracts" / f"{contract}.openapi.yaml").read_text().splitlines():
        if line and not line.startswith(" "):
            in_paths = line == "paths:"
        if not in_paths:
            continue
        if match := re.fullmatch(r"  (/\S*):", line):
            path = match[1]
        elif (match := re.fullmatch(r"    (\w+):", line)) and match[1] in METHODS:
            found.append((match[1].upper(), path, []))
        elif found:
            found[-1][2].append(line.strip())
    return found


def doors():
    """{room: {"GET /path": caller}}: what the gateway lets through."""
    rooms = {}
    for method, path, lines in operations_of("gateway"):
        members = dict(line.split(": ", 1) for line in lines if line.startswith("x-"))
        if "x-room" in members:
            rooms.setdefault(members["x-room"], {})[f"{method} {path}"] = members["x-caller"]
    return rooms


class Facts:
    """What exists in the shop, for the hooks."""

    def __init__(self, shop):
        self._shop = shop
        email = f"{uuid.uuid4()}@example.com"
        credentials = {"email": email, "password": PASSWORD}
        assert shop.request("POST", "/api/v1/auth/register", body=credentials).status == 201
        session = shop.request("POST", "/api/v1/auth/login", body=credentials)
        refresh = {"refresh_token": session.body["refresh_token"]}
        self.buyer = session.body["access_token"]
        product = shop.make_product(stock=1_000_000)
        sale = shop.make_sale(units=1000, limit=1000, holds=1000)
        orders = [shop.buy(sale, self.buyer).body["order_id"] for _ in range(3)]
        paused, ended = shop.make_sale(units=10), shop.make_sale(units=10)
        assert shop.buy(ended, shop.customer()).status == 201
        self.known = {
            "POST /api/v1/auth/login": {"body": credentials},
            "POST /api/v1/auth/refresh": {"body": refresh},
            "GET /api/v1/products/{id}": {"id": product},
            "PATCH /api/v1/products/{id}": {"id": product},
            "POST /api/v1/products/{id}/restocks": {"id": product},
            "POST /api/v1/flash-sales": {
                "body": {
                    "product_id": product,
                    "starts_at": "2020-01-01T00:00:00Z",
                    "ends_at": "2099-01-01T00:00:00Z",
                }
            },
            "GET /api/v1/flash-sales/{id}": {"id": sale},
            "GET /api/v1/flash-sales/{id}/audit": {"id": sale},
            "POST /api/v1/flash-sales/{id}/orders": {"id": sale},
            "POST /api/v1/flash-sales/{id}/pause": {"id": paused},
            "POST /api/v1/flash-sales/{id}/resume": {"id": paused},
            "POST /api/v1/flash-sales/{id}/end": {"id": ended},
            "GET /api/v1/orders/{id}": {"id": orders[0]},
            "POST /api/v1/orders/{id}/pay": {"id": orders[1]},
            "POST /api/v1/orders/{id}/cancel": {"id": orders[2]},
        }

    def write(self, file, callers):
        tokens = {"customer": self.buyer, "admin": self._shop.admin_token()}
        who = {name: tokens[caller] for name, caller in callers.items() if caller in tokens}
        file.write_text(json.dumps({"tokens": who, "known": self.known}))


@pytest.fixture(scope="module")
def facts(shop):
    return Facts(shop)


@pytest.fixture(scope="module")
def schemathesis():
    try:
        return schemathesis_tool.program()
    except schemathesis_tool.NoTool as missing:
        pytest.fail(str(missing), pytrace=False)


def test_each_room_is_tested():
    assert set(doors()) == set(CASES)


def run_schemathesis(program, shop, folder, contract, *options):
    """Its exit code and what it said. The same requests at every run, so that a failure can be
    repeated."""
    (folder / "schemathesis.toml").write_text(SETTINGS)
    command = [program, "run", contract, "--url", shop.shop.url(), "--checks", ",".join(CHECKS)]
    command += ["--phases", "examples,coverage,fuzzing", "--generation-deterministic", *options]
    command += ["--no-color", "--warnings", "off", "--request-timeout", 10, "--no-shrink"]
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=os.environ
        | {"SCHEMATHESIS_HOOKS": str(HOOKS), "WIRE_FACTS": str(folder / "facts.json")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_SECONDS,
    )
    return done.returncode, "\n".join(line[:400] for line in done.stdout.splitlines())


@pytest.mark.parametrize("room", CASES)
def test_answers_are_those_of_the_contract(shop, facts, schemathesis, tmp_path, room):
    facts.write(tmp_path / "facts.json", doors()[room])
    contract = ROOT / "contracts" / f"{room}.openapi.yaml"
    inside = [path for _, path, _ in operations_of(room) if path.startswith("/internal/")]
    options = ["--max-examples", CASES[room], *EXCLUDED.get(room, [])]
    for path in dict.fromkeys(inside):
        options += ["--exclude-path", path]
    code, said = run_schemathesis(schemathesis, shop, tmp_path, contract, *options)
    assert code == 0, said[-12000:]
    tested = re.search(r"Tested: +(\d+)", said)
    assert tested and int(tested[1]) == len(operations_of(room)) - len(inside), said[-3000:]


@pytest.mark.parametrize(
    ("declared", "planted", "found"),
    [
        ("'404': { $ref", "'418': { $ref", "Undocumented status code"),
        ("application/problem+json:", "application/json:", "Undocumented Content-Type"),
        ("required: [order_id,", "required: [nonsense, order_id,", "Response violates schema"),
    ],
)
def test_an_answer_that_is_not_declared_is_found(
    shop, facts, schemathesis, tmp_path, declared, planted, found
):
    facts.write(tmp_path / "facts.json", doors()["order"])
    text = (ROOT / "contracts" / "order.openapi.yaml").read_text()
    assert declared in text
    contract = tmp_path / "planted.yaml"
    contract.write_text(text.replace(declared, planted))
    options = ["--max-examples", 5, "--include-operation-id", "getOrder"]
    code, said = run_schemathesis(schemathesis, shop, tmp_path, contract, *options)
    assert code == 1 and found in said, said[-6000:]
