"""Asks the cells of one operation's row, and says which weren't answered as the contract says."""

import json
import re
import uuid
from urllib.parse import quote

from declared_answers import PROBLEM

from contracts import authorization as matrix
from contracts.contract import GATEWAY


def pod_of(room):
    return "order-1" if room == "order" else room


class MatrixRun:
    """`answered`: {(room, operation, door): {column: statuses}} of all rows asked so far."""

    def __init__(self, shop, callers, objects, contracts):
        self._shop = shop
        self._callers = callers
        self._objects = objects
        self._routed = {each.name for each in contracts[GATEWAY].operations}
        self.answered = {}

    def complaints(self, operation):
        """A line for each cell that is wrong, at every door the operation has."""
        objects = self._objects.of(operation)
        return [each for made in objects for each in self._complaints_of(operation, made)]

    def _complaints_of(self, operation, made):
        found = []
        is_routed = operation.name in self._routed
        for door in doors(operation):
            cells = {who: matrix.cell(operation, who, door, is_routed) for who in matrix.COLUMNS}
            before = self._objects.state(made)
            refusing = [who for who, cell in cells.items() if not cell.is_let_in]
            for who in refusing:
                found += self._ask(operation, door, made, who, cells[who])
            after = self._objects.state(made)
            if after != before:
                found.append(
                    f"{operation.name}: who was refused has changed something: {before} is {after}"
                )
            for who in (who for who in cells if who not in refusing):
                found += self._ask(operation, door, made, who, cells[who])
        return found

    def _ask(self, operation, door, made, who, cell):
        body = body_of(operation)
        for what, headers in self._callers.headers(who, operation, body or b""):
            answer = self._shop.request(
                operation.method,
                target_of(operation, made),
                body=body,
                headers=headers_needed(operation) | headers,
                room=None if door == matrix.GATEWAY_DOOR else pod_of(operation.room),
            )
            row = self.answered.setdefault((operation.room, operation.name, door), {})
            row.setdefault(who, set()).add(answer.status)
            if wrong := what_is_wrong(operation, cell, answer, made):
                yield f"{operation.name} at the {door}, {what}: {wrong}"


def doors(operation):
    """Inside is tried at the gateway, too, where nothing may be found."""
    in_room = operation.room != GATEWAY
    return [matrix.GATEWAY_DOOR] + [matrix.ROOM_DOOR] * in_room


def what_is_wrong(operation, cell, answer, made):
    code = code_of(answer)
    said = f"{answer.status} {code}"
    # Answers to HEAD have no document that would tell the code.
    tells_code = operation.method != "HEAD"
    if not cell.is_let_in:
        is_right = answer.status == cell.status and (code in cell.codes or not tells_code)
        wanted = f"{cell.status} {', '.join(sorted(cell.codes))}"
        return None if is_right else f"{said}, and not {wanted}"
    if code in matrix.REFUSING_CODES or (answer.status in (401, 403) and not tells_code):
        return f"{said}, and it is for {operation.caller}"
    if made.path and answer.status == 404:
        return f"{said}, and it exists and is for {operation.caller}"
    if str(answer.status) not in operation.responses:
        return f"{said}, which is not one of its responses"
    return None


def code_of(answer):
    is_problem = answer.headers.get("content-type") == PROBLEM and answer.text
    return answer.code if is_problem else None


def target_of(operation, made):
    """The path with the object's id, and the query that the contract requires."""
    path = re.sub(r"\{\w+\}", quote(made.id), operation.path)
    queries = [each for each in operation.parameters if each["in"] == "query" and is_needed(each)]
    return path + "?" * bool(queries) + "&".join(f"{q['name']}={example_of(q)}" for q in queries)


def body_of(operation):
    example = operation.example_of_request()
    return None if example is None else json.dumps(example).encode()


def headers_needed(operation):
    headers = {}
    for parameter in operation.parameters:
        if parameter["in"] == "header" and is_needed(parameter):
            is_key = parameter["name"] == "Idempotency-Key"
            headers[parameter["name"]] = str(uuid.uuid4()) if is_key else example_of(parameter)
    return headers


def is_needed(parameter):
    return parameter.get("required", False)


def example_of(parameter):
    example = parameter.get("example", parameter.get("schema", {}).get("example"))
    assert example is not None, f"the required parameter {parameter['name']} needs an example"
    return quote(str(example), safe='"*') if parameter["in"] == "query" else str(example)


def as_table(answered):
    """What was answered, as text: rows are operations at a door, columns callers."""
    heads = ["room", "operation", "door", *matrix.COLUMNS]
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    for (room, operation, door), cells in answered.items():
        seen = [",".join(map(str, sorted(cells.get(who, ())))) for who in matrix.COLUMNS]
        lines.append("| " + " | ".join([room, f"`{operation}`", door, *seen]) + " |")
    return "\n".join(lines) + "\n"
