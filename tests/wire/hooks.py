"""Loaded by schemathesis: makes generated requests meet things that exist.

Without this nearly every request would end at 401 or 404. WIRE_FACTS is a file of test_wire.py with
tokens by operation and values that exist; three of four requests use them."""

import json
import os
from pathlib import Path

import schemathesis
from schemathesis.core.parameters import ParameterLocation

FACTS = json.loads(Path(os.environ["WIRE_FACTS"]).read_text())
# One in so many keeps what was generated.
KEPT = 4

_calls = 0


def _keeps_generated():
    global _calls
    _calls += 1
    return _calls % KEPT == 0


@schemathesis.hook
def before_call(context, case, kwargs):
    """The caller that the operation is for, unless a request is to lack just that."""
    name = f"{case.method} {case.path}"
    if not _keeps_generated():
        _use_what_exists(case, FACTS["known"].get(name, {}))
    if name in FACTS["tokens"] and _broken_on_purpose(case) != "Authorization":
        case.headers["Authorization"] = f"Bearer {FACTS['tokens'][name]}"


def _broken_on_purpose(case):
    return getattr(case.meta.phase.data, "parameter", None) if case.meta else None


def _is_sound(case, location):
    component = case.meta.components.get(location) if case.meta else None
    return component is None or not component.mode.is_negative


def _use_what_exists(case, known):
    """What was broken on purpose stays broken."""
    if "id" in known and _is_sound(case, ParameterLocation.PATH):
        case.path_parameters["id"] = known["id"]
    if "body" in known and _is_sound(case, ParameterLocation.BODY) and isinstance(case.body, dict):
        case.body.update(known["body"])
