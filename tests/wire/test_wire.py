"""Every contract against a running shop: schemathesis makes requests from the contract, sound ones
and broken ones, and each answer must be one that the contract declares: its status, its problem
code, its content type, its headers and its body. What the gateway routes is asked there, the rest
at the room's own port."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import schemathesis_tool
from facts import Facts

from contracts.contract import GATEWAY, ROOT, read_all

HOOKS = Path(__file__).with_name("hooks.py")
CONTRACTS = read_all()
ROUTED = {each.name for each in CONTRACTS[GATEWAY].operations}

# Cases per operation: so many that all contracts together take two minutes at most.
CASES_OF_MANY = 15
CASES = {"auth": 25, "product": 40, "order": 30}
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
    "problem_code_is_declared",
)
# Echo answers whatever method it is asked by.
EXCLUDED = {"echo": ["--exclude-checks", "unsupported_method"]}

SETTINGS = """\
[auth]
auto-signup = false
[checks]
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 409, 413, 422, 429]
"""


def outside(room):
    """The operations of a room's contract that the gateway lets through, or answers itself."""
    return [
        each
        for each in CONTRACTS[room].operations
        if each.name in ROUTED and not each.forwarded_to
    ]


def inside(room):
    return [each for each in CONTRACTS[room].operations if each.name not in ROUTED]


PARTS = [
    pytest.param(room, part, id=f"{room}, {part.__name__}")
    for room in CONTRACTS
    for part in (outside, inside)
    if part(room)
]


@pytest.fixture(scope="module")
def facts(shop):
    return Facts(shop)


@pytest.fixture(scope="module")
def schemathesis():
    try:
        return schemathesis_tool.program()
    except schemathesis_tool.NoTool as missing:
        pytest.fail(str(missing), pytrace=False)


def pod_of(room):
    return "order-1" if room == "order" else room


def run_schemathesis(program, folder, contract, origin, *options):
    """Its exit code and what it said. The same requests at every run, so that a failure can be
    repeated."""
    (folder / "schemathesis.toml").write_text(SETTINGS)
    command = [program, "run", contract, "--url", origin, "--checks", ",".join(CHECKS)]
    command += ["--phases", "examples,coverage,fuzzing,stateful", "--generation-deterministic"]
    command += options
    command += ["--no-color", "--warnings", "off", "--request-timeout", 10, "--no-shrink"]
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=os.environ
        | {
            "SCHEMATHESIS_HOOKS": str(HOOKS),
            "WIRE_FACTS": str(folder / "facts.json"),
            "PYTHONPATH": str(HOOKS.parents[1]),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_SECONDS,
    )
    return done.returncode, "\n".join(line[:400] for line in done.stdout.splitlines())


@pytest.mark.parametrize(("room", "part"), PARTS)
def test_answers_are_those_of_the_contract(shop, facts, schemathesis, tmp_path, room, part):
    operations = part(room)
    facts.write(tmp_path / "facts.json", operations)
    contract = ROOT / "contracts" / f"{room}.openapi.yaml"
    options = ["--max-examples", CASES.get(room, CASES_OF_MANY), *EXCLUDED.get(room, [])]
    for path in dict.fromkeys(each.path for each in operations):
        options += ["--include-path", path]
    origin = shop.shop.rooms.origin(GATEWAY if part is outside else pod_of(room))
    code, said = run_schemathesis(schemathesis, tmp_path, contract, origin, *options)
    assert code == 0, said[-12000:]
    tested = re.search(r"Tested: +(\d+)", said)
    assert tested and int(tested[1]) == len(operations), said[-3000:]


@pytest.mark.parametrize(
    ("declared", "planted", "found"),
    [
        ("'404': { $ref", "'418': { $ref", "Undocumented status code"),
        ("application/problem+json:", "application/json:", "Undocumented Content-Type"),
        ("[order_id, kind, state,", "[nonsense, order_id, kind,", "Response violates schema"),
    ],
)
def test_an_answer_that_is_not_declared_is_found(
    shop, facts, schemathesis, tmp_path, declared, planted, found
):
    facts.write(tmp_path / "facts.json", outside("order"))
    said = said_of_planted(schemathesis, shop, tmp_path, declared, planted)
    assert found in said, said[-6000:]


def test_a_problem_code_that_is_not_declared_is_found(shop, facts, schemathesis, tmp_path):
    (get_order,) = [each for each in outside("order") if each.node["operationId"] == "getOrder"]
    facts.write(tmp_path / "facts.json", [get_order])
    text = (tmp_path / "facts.json").read_text()
    (tmp_path / "facts.json").write_text(text.replace("order_unknown", "renamed"))
    said = said_of_planted(schemathesis, shop, tmp_path, "", "")
    assert "Undeclared problem code: 404 order_unknown" in said, said[-6000:]


def said_of_planted(schemathesis, shop, folder, declared, planted):
    """What is said of order's contract with a change, which must be found."""
    text = CONTRACTS["order"].text
    assert declared in text
    contract = folder / "planted.yaml"
    contract.write_text(text.replace(declared, planted) if declared else text)
    options = ["--max-examples", 5, "--include-operation-id", "getOrder"]
    code, said = run_schemathesis(schemathesis, folder, contract, shop.shop.url(), *options)
    assert code == 1, said[-6000:]
    return said
