"""Loaded by schemathesis: makes generated requests meet things that exist, and knows problem codes.

WIRE_FACTS is a file of facts.py by operation; three of four requests use what it knows."""

import json
import os
from pathlib import Path

import schemathesis
import signed_body
from schemathesis.core import NotSet
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase

FACTS = json.loads(Path(os.environ["WIRE_FACTS"]).read_text())
# One in so many keeps what was generated.
KEPT = 4

_calls = 0


def _keeps_generated():
    global _calls
    _calls += 1
    return _calls % KEPT == 0


def _facts_of(case):
    return FACTS.get(f"{case.operation.method.upper()} {case.operation.path}", {})


@schemathesis.hook
def before_call(context, case, kwargs):
    """The caller that the operation is for, unless a request is to lack just that."""
    facts = _facts_of(case)
    if not _is_linked(case) and not _keeps_generated():
        _use_what_exists(case, facts)
    _complete_body(case, facts.get("every_body", {}))
    if facts.get("authorization") and _broken_on_purpose(case) != "Authorization":
        case.headers["Authorization"] = facts["authorization"]
    if facts.get("signing_secret") and _broken_on_purpose(case) != signed_body.HEADER:
        _sign(case, facts["signing_secret"])


@schemathesis.check
def problem_code_is_declared(ctx, response, case):
    """Each problem's status and code are in the contract's x-problem-codes."""
    kinds = response.headers.get("content-type", [])
    if "application/problem+json" not in kinds or case.method.upper() == "HEAD":
        return
    answered = [response.status_code, response.json().get("code")]
    if answered not in _facts_of(case).get("answerable", []):
        raise AssertionError(f"Undeclared problem code: {answered[0]} {answered[1]}")


def _sign(case, secret):
    """With the very bytes that are sent."""
    if not isinstance(case.body, (bytes, NotSet)):
        case.body = json.dumps(case.body).encode()
    body = case.body if isinstance(case.body, bytes) else b""
    case.headers[signed_body.HEADER] = signed_body.signature(secret, body)


def _is_linked(case):
    """Its values are those of an answer before."""
    return case.meta is not None and case.meta.phase.name == TestPhase.STATEFUL


def _broken_on_purpose(case):
    return getattr(case.meta.phase.data, "parameter", None) if case.meta else None


def _is_sound(case, location):
    component = case.meta.components.get(location) if case.meta else None
    return component is None or not component.mode.is_negative


def _use_what_exists(case, facts):
    """What was broken on purpose stays broken."""
    if _is_sound(case, ParameterLocation.PATH):
        case.path_parameters.update(facts.get("path", {}))
    _complete_body(case, facts.get("body", {}))


def _complete_body(case, members):
    if _is_sound(case, ParameterLocation.BODY) and isinstance(case.body, dict):
        case.body.update(members)
