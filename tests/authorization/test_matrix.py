"""Every operation of every contract, asked by every kind of caller: at the gateway, and at the
room's own port, as each room checks for itself. What must be answered follows from the contracts;
what was is written to build/authorization.md."""

import dataclasses

import pytest
from callers import Callers
from matrix_run import MatrixRun, as_table
from objects import NoObject, Objects

from contracts.contract import ROOT, Contract, read_all

CONTRACTS = read_all()
OPERATIONS = [
    operation
    for contract in CONTRACTS.values()
    for operation in contract.operations
    if not operation.forwarded_to
]
REPORT = ROOT / "build" / "authorization.md"


def named(operation):
    return f"{operation.room}: {operation.name}"


@pytest.fixture(scope="module")
def run(shop, tmp_path_factory):
    callers = Callers(shop, tmp_path_factory.mktemp("keys"))
    matrix_run = MatrixRun(shop, callers, Objects(shop, callers.owner), CONTRACTS)
    yield matrix_run
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(as_table(matrix_run.answered), encoding="utf-8")


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_each_caller_is_answered_as_the_contract_says(run, operation):
    complaints = run.complaints(operation)
    assert not complaints, "\n".join(complaints)


# -- that a wrong one is found ---------------------------------------------------------------------


def planted(room, operation_id, **changes):
    """An operation as its contract would say it with these changes."""
    contract = Contract(room, CONTRACTS[room].text)
    (operation,) = [
        each for each in contract.operations if each.node.get("operationId") == operation_id
    ]
    for name, value in changes.items():
        operation.node[name.replace("_", "-")] = value
    return operation


@pytest.mark.parametrize(
    ("room", "operation_id", "changes", "found"),
    [
        ("product", "createProduct", {"security": []}, "token_missing, and it is for anyone"),
        ("product", "createProduct", {"security": [{"serviceCredential": []}]}, "403 admin_only"),
        ("product", "reserve", {"security": []}, "service_credential_required, and it is for"),
        ("product", "listProducts", {"security": [{"accessToken": []}]}, "200 None, and not 401"),
        ("order", "getOrder", {"x_owned_by": "shop"}, "404 order_unknown, and it exists"),
        ("order", "placeOrder", {"x_owned_by": "customer"}, "201 None, and not 404"),
        ("auth", "getMe", {"x_problem_codes": {"403": ["admin_only"]}}, "and not 403 admin_only"),
        ("auth", "getMe", {"responses": {}}, "200 None, which is not one of its responses"),
    ],
)
def test_a_wrong_expectation_is_found(run, room, operation_id, changes, found):
    complaints = run.complaints(planted(room, operation_id, **changes))
    assert any(found in each for each in complaints), complaints


def test_an_object_that_nobody_can_make_is_found(run):
    operation = planted("product", "getProduct")
    new = dataclasses.replace(operation, path="/api/v1/wishes/{id}")
    with pytest.raises(NoObject, match="/api/v1/wishes"):
        run.complaints(new)
