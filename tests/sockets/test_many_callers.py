"""Many connections and a flood of requests: what each costs, who is turned away, and that the
health port answers meanwhile."""

import json
import resource
import threading
import time

import pytest
from two_rooms import TwoRooms

GET = b"GET /api/v1/echo HTTP/1.1\r\nHost: shop\r\n\r\n"
NO_ROUTE = b"GET /api/v1/none HTTP/1.1\r\nHost: shop\r\n\r\n"
IDLE_CONNECTIONS = 4000  # as many as a usual limit of open files lets two processes hold
IDLE_BYTES_EACH = 150 * 1024 * 1024 / 10_000
HEALTH_SECONDS = 0.2
LATE = 3


@pytest.fixture(scope="module", autouse=True)
def files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def start(tmp_path):
    """Starts two rooms with the gateway's variables given."""
    started = []

    def begin(**variables):
        started.append(TwoRooms(tmp_path, **variables))
        return started[-1]

    yield begin
    for rooms in started:
        rooms.stop()


def test_connections_beyond_the_limit_are_told_so(start):
    rooms = start(CONNECTIONS_MAX=3)
    kept = [rooms.gateway.connect() for _ in range(3)]
    for connection in kept:
        connection.send(GET)
        assert connection.answer().status == 200
    with rooms.gateway.connect() as late:
        answers = late.answers_until_closed()
    assert [(each.status, each.code) for each in answers] == [(503, "busy")]
    assert answers[0].headers["retry-after"] == "1"
    assert rooms.gateway.metric("doorbuster_http_connections_refused_total") == 1
    kept.pop().close()
    deadline = time.monotonic() + 5
    while rooms.gateway.metric("doorbuster_http_connections") > 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with rooms.gateway.connect() as next_one:
        next_one.send(GET)
        assert next_one.answer().status == 200
    for connection in kept:
        connection.close()


def test_connections_of_one_address_have_a_limit_if_one_is_set(start):
    rooms = start(CONNECTIONS_PER_ADDRESS_MAX=2)
    with rooms.gateway.connect() as one, rooms.gateway.connect() as other:
        for connection in (one, other):
            connection.send(GET)
            assert connection.answer().status == 200
        with rooms.gateway.connect() as third:
            assert [each.status for each in third.answers_until_closed()] == [503]


def test_idle_connections_are_cheap(start):
    rooms = start(CONNECTIONS_MAX=IDLE_CONNECTIONS + 10)
    before = rooms.gateway.resident_bytes()
    connections = []
    try:
        for _ in range(IDLE_CONNECTIONS):
            connections.append(rooms.gateway.connect())
            connections[-1].send(NO_ROUTE)
            assert connections[-1].answer().status == 404
        time.sleep(1.5)  # buffers are given back after a second
        each = (rooms.gateway.resident_bytes() - before) / IDLE_CONNECTIONS
        print(f"{each:.0f} bytes per idle connection")
        assert each < IDLE_BYTES_EACH
        connections[0].send(GET)
        assert connections[0].answer().status == 200
    finally:
        for connection in connections:
            connection.close()


def flood(rooms, stopped, requests):
    connections = [rooms.gateway.connect() for _ in range(20)]
    burst = requests * 100
    while not stopped.is_set():
        for connection in connections:
            connection.send(burst)
        for connection in connections:
            for _ in range(100):
                connection.answer()
    for connection in connections:
        connection.close()


def test_health_answers_while_the_door_is_flooded(start):
    rooms = start()
    stopped = threading.Event()
    callers = [
        threading.Thread(target=flood, args=(rooms, stopped, request), daemon=True)
        for request in (GET, NO_ROUTE)
    ]
    for caller in callers:
        caller.start()
    try:
        time.sleep(0.5)
        served = rooms.gateway.served()
        times = []
        for _ in range(20):
            text, took = rooms.gateway.health("/livez")
            assert text == "alive\n"
            times.append(took)
            time.sleep(0.05)
        assert rooms.gateway.served() > served + 200, "no flood, no test"
        assert max(times) < HEALTH_SECONDS * LATE, sorted(times)
    finally:
        stopped.set()
        for caller in callers:
            caller.join(timeout=10)


def test_the_access_log_has_a_line_for_each_request_and_no_secrets(start):
    rooms = start(ACCESS_LOG="on")
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    with rooms.gateway.connect() as connection:
        connection.send(
            b"POST /api/v1/echo?token=s3cret HTTP/1.1\r\nHost: shop\r\nContent-Length: 6\r\n"
            b"X-Request-Id: request-1234\r\nCookie: s3cret\r\nX-S3cret: s3cret\r\n"
            b"traceparent: 00-" + trace_id.encode() + b"-b7ad6b7169203331-01\r\n\r\ns3cret"
        )
        mirrored = connection.answer()
        connection.send(b"GET /s3cret HTTP/1.1\r\nHost: shop\r\n\r\n")
        assert connection.answer().status == 404
        connection.send(b"GET /s3cret HTTP/1.1\r\nBad Header: s3cret\r\n\r\n")
        assert connection.answer().status == 400
    headers = {each["name"].lower(): each["value"] for each in mirrored.json["headers"]}
    assert headers["traceparent"].startswith(f"00-{trace_id}-")
    assert "b7ad6b7169203331" not in headers["traceparent"], "a span of its own"
    output = rooms.gateway.stop()
    assert "s3cret" not in output
    lines = [json.loads(line) for line in output.splitlines()]
    assert [line["status"] for line in lines] == [200, 404, 400]
    first = lines[0]
    assert first["service"] == "gateway" and first["message"] == "request"
    assert (first["method"], first["route"]) == ("POST", "/api/v1/echo")
    assert (first["request_id"], first["trace_id"]) == ("request-1234", trace_id)
    assert first["client"] == "127.0.0.1"
    assert first["bytes"] == len(mirrored.body)
    assert first["duration_us"] > 0
    assert (first["upstream"], first["retries"]) == (f"127.0.0.1:{rooms.echo.port}", 0)
    assert lines[1]["route"] == "" and "upstream" not in lines[1]


def test_answers_are_compressed_for_who_takes_it(start):
    rooms = start()
    body = b'{"a": "' + b"abc " * 1000 + b'"}'
    get = b"GET /api/v1/echo HTTP/1.1\r\nHost: shop\r\nContent-Length: %d\r\n" % len(body)
    with rooms.gateway.connect() as connection:
        connection.send(get + b"\r\n" + body)
        plain = connection.answer()
        connection.send(get + b"Accept-Encoding: gzip;q=0\r\n\r\n" + body)
        refused = connection.answer()
        connection.send(get + b"Accept-Encoding: br, gzip\r\n\r\n" + body)
        packed = connection.answer()
        connection.send(GET.replace(b"Host", b"Accept-Encoding: gzip\r\nHost"))
        small = connection.answer()
    assert "content-encoding" not in plain.headers and "content-encoding" not in refused.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert len(packed.body) < len(plain.body) / 3
    assert "content-encoding" not in small.headers, "not worth it"
