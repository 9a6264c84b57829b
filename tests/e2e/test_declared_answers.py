"""What is answered is compared with the contracts; these see that a stray answer is found."""

import pytest
from declared_answers import PROBLEM, DeclaredAnswers

from contracts import self_test
from contracts.contract import Contract

THING = "/api/v1/things/7"


def said_of(method, target, room, status, code, kind=PROBLEM):
    contracts = {"things": self_test.ROOM, "gateway": self_test.GATEWAY}
    watch = DeclaredAnswers({name: Contract(name, text) for name, text in contracts.items()})
    watch.saw(method, target, room, status, {"content-type": kind}, f'{{"code": "{code}"}}')
    return watch.take_undeclared()


@pytest.mark.parametrize(
    ("method", "target", "room", "status", "code"),
    [
        ("GET", THING, None, 404, "thing_unknown"),
        ("GET", THING, "things-2", 404, "thing_unknown"),
        ("GET", f"{THING}?colour=blue", None, 404, "route_unknown"),
        ("GET", "/nowhere", None, 404, "route_unknown"),
    ],
)
def test_what_is_declared_is_accepted(method, target, room, status, code):
    assert said_of(method, target, room, status, code) == []


@pytest.mark.parametrize(
    ("method", "target", "room", "status", "code"),
    [
        ("GET", THING, None, 404, "invented"),
        ("GET", THING, None, 410, "thing_unknown"),
        ("POST", "/api/v1/things", None, 404, "thing_unknown"),
        ("GET", THING, "things", 404, "route_unknown"),
        ("GET", "/nowhere", None, 404, "thing_unknown"),
    ],
)
def test_what_is_not_declared_is_found(method, target, room, status, code):
    (line,) = said_of(method, target, room, status, code)
    assert f"{status} {code}" in line


def test_other_documents_are_not_judged():
    assert said_of("GET", THING, None, 418, "teapot", "text/html") == []
