"""What every contract must say (contracts/README.md), and whether contracts, the gateway and the
C++ agree. Each problem is a line for a person."""

import re

from contracts import authorization
from contracts.code_literals import codes_below
from contracts.contract import CALLERS, GATEWAY

CODE = re.compile(r"[a-z][a-z0-9_]*")
SUMMARY_MAX = 80
OWNERS = ("customer", "shop")
SHARED_LIBRARIES = ("http", "service")


def is_problem(status):
    return status[0] in "45"


def problems_of_operation(operation):
    """Of one that its own room describes."""
    node = operation.node
    for name in ("operationId", "summary", "tags"):
        if not node.get(name):
            yield f"has no {name}"
    summary = node.get("summary", "")
    if "\n" in summary.strip() or len(summary) > SUMMARY_MAX:
        yield f"its summary is longer than a line of {SUMMARY_MAX}"
    if operation.caller not in CALLERS:
        yield f"x-caller is {operation.caller!r}, not one of {', '.join(CALLERS)}"
    yield from problems_of_codes(operation)
    yield from problems_of_examples(operation)
    yield from problems_of_owner(operation)


def problems_of_codes(operation):
    declared = {status for status in operation.responses if is_problem(status)}
    for status in sorted(declared | operation.codes.keys()):
        if status not in declared:
            yield f"x-problem-codes has {status}, which is not one of its responses"
        if not operation.codes.get(status):
            yield f"x-problem-codes has no code for {status}"
    for listed in operation.codes.values():
        for code in listed:
            if not CODE.fullmatch(code):
                yield f"{code!r} is no code: small letters, digits and underscores"
    for status, code in sorted(authorization.codes_needed(operation)):
        if code not in operation.codes.get(str(status), ()):
            yield f"is for {operation.caller}: x-problem-codes needs {status} {code}"


def problems_of_examples(operation):
    bodies = {"its request": operation.request_body}
    for status, response in operation.responses.items():
        if status[0] == "2":
            bodies[f"its answer {status}"] = response
    for what, body in bodies.items():
        for media_type, media in body.get("content", {}).items():
            if media_type.endswith("json") and not operation.contract.examples(media):
                yield f"{what} has no example for {media_type}"


def problems_of_owner(operation):
    owner = operation.node.get("x-owned-by")
    needs_one = operation.caller == "customer" and "{" in operation.path
    if needs_one and owner not in OWNERS:
        yield f"x-owned-by must say whose the object is: {' or '.join(OWNERS)}"
    if owner and not needs_one:
        yield "x-owned-by is for customers' operations on one object"
    if owner == "customer" and not operation.codes.get("404"):
        yield "somebody else's object is 404, and x-problem-codes has no code for that"


def problems_of_contract(contract):
    named = {}
    for operation in contract.operations:
        where = f"{contract.room}: {operation.name}"
        if not operation.forwarded_to:
            for problem in problems_of_operation(operation):
                yield f"{where} {problem}"
        identifier = operation.node.get("operationId")
        if identifier and named.setdefault(identifier, operation) is not operation:
            yield f"{where} has the operationId of {named[identifier].name}"
    if not contract.document.get("x-problem-codes"):
        yield f"{contract.room}: has no x-problem-codes for what the HTTP layer answers"


# -- the gateway and the rooms ---------------------------------------------------------------------


def problems_of_routing(contracts):
    gateway = contracts[GATEWAY]
    for route in gateway.operations:
        room = route.forwarded_to
        if not room:
            continue
        if room not in contracts:
            yield f"gateway: {route.name} goes to {room}, which has no contract"
            continue
        target = next((one for one in contracts[room].operations if one.name == route.name), None)
        if target is None:
            yield f"gateway: {route.name} is not in the contract of {room}"
        elif route.node.get("x-caller") != target.caller or route.caller != target.caller:
            yield (
                f"gateway: {route.name} is for {route.node.get('x-caller')} (security says"
                f" {route.caller}), and {room} says {target.caller}"
            )
    routed = {(route.forwarded_to, route.name) for route in gateway.operations}
    served = {room for room, _ in routed}
    for room in sorted(served & contracts.keys()):
        for operation in contracts[room].operations:
            if operation.is_internal and operation.caller not in ("service", "signed"):
                yield f"{room}: {operation.name} is internal, and for {operation.caller}"
            if not operation.is_internal and (room, operation.name) not in routed:
                yield f"{room}: {operation.name} is not routed by the gateway"


def problems_of_shared_codes(contracts):
    """What the HTTP layer answers is the same everywhere; the gateway adds its own refusals."""
    rooms = [contract for room, contract in contracts.items() if room != GATEWAY]
    whole = set().union(*(contract.answerable_anywhere for contract in rooms))
    for room, contract in contracts.items():
        for status, code in sorted(whole - contract.answerable_anywhere):
            yield f"{room}: x-problem-codes of the file lacks {status} {code}, which others have"


# -- contracts and the C++ -------------------------------------------------------------------------


def problems_of_code_literals(contracts, root):
    shared = codes_below(*(root / "libs" / library for library in SHARED_LIBRARIES))
    listed = {room: codes_listed(contract) for room, contract in contracts.items()}
    everywhere = {pair for pairs in listed.values() for pair in pairs}
    yield from missing("libs/http or libs/service", shared, everywhere, "any contract")
    for room in contracts:
        written = codes_below(root / "services" / room)
        yield from missing(f"services/{room}", written, listed[room], f"the contract of {room}")
        for code in sorted({code for _, code in listed[room]} - written.keys() - shared.keys()):
            yield f"{room}: nothing in the C++ answers {code}"


def codes_listed(contract):
    return set().union(
        contract.answerable_anywhere, *(each.answerable for each in contract.operations)
    )


def missing(where, written, listed, contract):
    codes = {code for _, code in listed}
    for code, statuses in sorted(written.items()):
        if code not in codes:
            yield f"{where} answers {code}, which is not in {contract}"
            continue
        for status in sorted(statuses):
            if (status, code) not in listed:
                yield f"{where} answers {status} {code}; {contract} has it with another status"


def all_problems(contracts, root):
    for contract in contracts.values():
        yield from problems_of_contract(contract)
    yield from problems_of_routing(contracts)
    yield from problems_of_shared_codes(contracts)
    yield from problems_of_code_literals(contracts, root)
