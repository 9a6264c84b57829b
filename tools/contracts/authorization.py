"""Who may call what, computed from the contracts: tests/authorization asks a running shop for each
cell, docs/authorization.md shows them."""

from dataclasses import dataclass

from contracts.contract import GATEWAY

GATEWAY_DOOR, ROOM_DOOR = "gateway", "room"

# Columns: who asks.
ANONYMOUS = "anonymous"
CUSTOMER = "customer"
ANOTHER_CUSTOMER = "another customer"
ADMIN = "admin"
SERVICE = "service"
WRONG_SERVICE = "service with a wrong secret"
UNKNOWN_SERVICE = "unknown service"
SIGNER = "signed body"
WRONG_SIGNER = "wrongly signed body"
EXPIRED = "expired token"
FORGED = "forged token"
COLUMNS = (
    ANONYMOUS,
    CUSTOMER,
    ANOTHER_CUSTOMER,
    ADMIN,
    SERVICE,
    WRONG_SERVICE,
    UNKNOWN_SERVICE,
    SIGNER,
    WRONG_SIGNER,
    EXPIRED,
    FORGED,
)
SERVICES = (SERVICE, WRONG_SERVICE, UNKNOWN_SERVICE)
PEOPLE = (CUSTOMER, ANOTHER_CUSTOMER, ADMIN)

ROUTE_UNKNOWN = "route_unknown"
SERVICE_REQUIRED = "service_credential_required"
# What says that it was the caller who was refused; anything else is an answer to a caller let in.
REFUSING_CODES = {
    "token_missing",
    "token_invalid",
    "token_expired",
    "admin_only",
    SERVICE_REQUIRED,
    ROUTE_UNKNOWN,
}


@dataclass(frozen=True)
class Cell:
    """What must be answered: `status` with one of `codes`. Without a status, it is let in."""

    status: int = 0
    codes: frozenset = frozenset()

    @property
    def is_let_in(self):
        return self.status == 0

    def __str__(self):
        return "yes" if self.is_let_in else str(self.status)


LET_IN = Cell()


def refused(status, *codes):
    return Cell(status, frozenset(codes))


def cell(operation, who, door, is_routed):
    """`operation` of a room's contract, or of the gateway's if the gateway itself answers it;
    `is_routed`: it can be reached from outside."""
    if door == GATEWAY_DOOR:
        if not is_routed:
            return refused(404, ROUTE_UNKNOWN)
        if who in SERVICES and operation.room != GATEWAY:
            return refused(401, "token_invalid")
    return _by_caller(operation, who)


def _by_caller(operation, who):
    needed = operation.caller
    if needed == "anyone":
        return LET_IN
    if needed == "service":
        return LET_IN if who == SERVICE else refused(401, SERVICE_REQUIRED)
    if needed == "signed":
        return LET_IN if who == SIGNER else refused(401, *operation.codes.get("401", ()))
    if who == EXPIRED:
        return refused(401, "token_expired")
    if who == FORGED:
        return refused(401, "token_invalid")
    if who not in PEOPLE:
        return refused(401, "token_missing")
    if needed == "admin" and who != ADMIN:
        return refused(403, "admin_only")
    if operation.belongs_to_customer and who != CUSTOMER:
        return refused(404, *operation.codes.get("404", ()))
    return LET_IN


def codes_needed(operation):
    """{(status, code)} that the room's contract must list for its own refusals to be possible."""
    cells = [_by_caller(operation, who) for who in COLUMNS]
    return {(each.status, code) for each in cells for code in each.codes}


# -- the table of the docs -------------------------------------------------------------------------

SHOWN = (ANONYMOUS, CUSTOMER, ANOTHER_CUSTOMER, ADMIN, SERVICE, SIGNER, EXPIRED)
HEAD = """\
# Who may call what

Written by `tools/check_contracts.py --write` from the contracts; `tests/authorization` asks a
running shop for every cell, at the gateway and at each room's own port.

`yes`: the caller is let in, and what is answered is the operation's own affair. A number is the
status of the refusal. Forged tokens are refused as expired ones are, with another code. "Another
customer" asks for what belongs to somebody else: for all but its owner, admins too, it doesn't
exist. A service with a wrong secret, one that nobody knows, and a body with a wrong signature are
refused like somebody anonymous.

Outside means through the gateway: what it doesn't route is 404 `route_unknown` there, and a
service's credential is 401 `token_invalid` whatever room it is for.
"""


def table(contracts):
    """The text of docs/authorization.md."""
    routed = {each.name for each in contracts[GATEWAY].operations}
    parts = [HEAD]
    for room, contract in sorted(contracts.items()):
        rows = [_row(one, routed) for one in contract.operations if not one.forwarded_to]
        if rows:
            heads = ["operation", "outside", *SHOWN]
            lines = ["| " + " | ".join(row) + " |" for row in [heads, ["---"] * len(heads), *rows]]
            parts.append(f"## {room}\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def _row(operation, routed):
    is_routed = operation.name in routed
    cells = [str(cell(operation, who, ROOM_DOOR, is_routed)) for who in SHOWN]
    return [f"`{operation.name}`", "yes" if is_routed else "404", *cells]
