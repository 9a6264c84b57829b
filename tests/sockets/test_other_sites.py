"""What a page of another site can read: also what the door says before any route is looked for."""

import pytest
from two_rooms import TwoRooms

OURS = "https://shop.example"
HEAD = "HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n"
FIELDS_MAX = 20
READABLE = {
    "a room's answer": (200, f"GET /api/v1/echo {HEAD}", ""),
    "a path with dots": (400, f"GET /api/../x {HEAD}", ""),
    "two hosts": (400, f"GET /api/v1/echo {HEAD}Host: other\r\n", ""),
    "no token": (401, f"GET /api/v1/orders {HEAD}", ""),
    "no route": (404, f"GET /api/v1/none {HEAD}", ""),
    "no such method": (405, f"DELETE /api/v1/products {HEAD}", ""),
    "a body that doesn't come": (408, f"POST /api/v1/echo {HEAD}Content-Length: 5\r\n", "a"),
    "a long body": (413, f"POST /api/v1/echo {HEAD}Content-Length: 500000\r\n", "a"),
    "many headers": (431, f"GET /api/v1/echo {HEAD}" + "A: 1\r\n" * FIELDS_MAX, ""),
    "a room that is away": (503, f"GET /api/v1/products {HEAD}", ""),
}
BUSY = (503, f"POST /api/v1/echo {HEAD}Content-Length: 50000\r\n", "a")
# Of these nobody knows who asks: their heads could not be read.
UNREADABLE = {
    "a long target": (414, f"GET /{'a' * 20000} {HEAD}", ""),
    "a head that doesn't come": (408, "GET /api/v1/echo HTTP/1.1\r\nHost: shop", None),
}


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    started = []

    def begin(**variables):
        folder = tmp_path_factory.mktemp("sites")
        limits = {
            "BODY_BYTES_MAX": 100_000,
            "HEADER_FIELDS_MAX": FIELDS_MAX,
            "HEADER_TIMEOUT_MS": 300,
            "BODY_TIMEOUT_MS": 300,
        }
        started.append(TwoRooms(folder, **limits, **variables))
        return started[-1]

    yield begin
    for rooms in started:
        rooms.stop()


@pytest.fixture(scope="module")
def rooms(start):
    return start(CORS_ORIGINS=OURS)


def answer_to(rooms, case, origin):
    """`body` None: the head goes on, and the rest of it never comes."""
    _, head, body = case
    line, rest = head.split("\r\n", 1)
    request = head if body is None else f"{line}\r\nOrigin: {origin}\r\n{rest}\r\n{body}"
    with rooms.gateway.connect() as connection:
        connection.send(request.encode())
        return connection.answer()


@pytest.mark.parametrize("name", READABLE)
def test_pages_of_allowed_sites_can_read_why_they_were_refused(rooms, name):
    answer = answer_to(rooms, READABLE[name], OURS)
    assert answer.status == READABLE[name][0]
    assert answer.headers["access-control-allow-origin"] == OURS
    assert "origin" in answer.headers["vary"].lower()
    assert "retry-after" in answer.headers["access-control-expose-headers"].lower()


@pytest.mark.parametrize("name", READABLE)
def test_other_pages_cannot(rooms, name):
    answer = answer_to(rooms, READABLE[name], "https://evil.example")
    assert answer.status == READABLE[name][0]
    assert "access-control-allow-origin" not in answer.headers
    assert "origin" in answer.headers["vary"].lower()


@pytest.mark.parametrize("name", UNREADABLE)
def test_caches_are_told_even_where_nobody_knows_who_asks(rooms, name):
    answer = answer_to(rooms, UNREADABLE[name], OURS)
    assert answer.status == UNREADABLE[name][0]
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["vary"] == "Origin"


def test_that_all_memory_is_taken_can_be_read(start):
    rooms = start(CORS_ORIGINS=OURS, RECEIVED_BYTES_MAX=20_000)
    answer = answer_to(rooms, BUSY, OURS)
    assert (answer.status, answer.code) == (503, "busy")
    assert answer.headers["access-control-allow-origin"] == OURS


def test_where_every_site_is_allowed_everything_can_be_read(start):
    rooms = start(CORS_ORIGINS="*")
    for case in (READABLE | UNREADABLE).values():
        answer = answer_to(rooms, case, OURS)
        assert answer.status == case[0]
        assert answer.headers["access-control-allow-origin"] == "*"
