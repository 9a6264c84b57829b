"""Callers that send too slowly, too much, too many or without end: each meets a limit that has a
name, is told so where that is possible, and costs no room anything."""

import time

import pytest
from conftest import (
    BODY_BYTES_MAX,
    BODY_TIMEOUT_S,
    HEADER_BYTES_MAX,
    HEADER_FIELDS_MAX,
    HEADER_TIMEOUT_S,
    IDLE_TIMEOUT_S,
)

GET = b"GET /api/v1/echo HTTP/1.1\r\nHost: shop\r\n"
POST = b"POST /api/v1/echo HTTP/1.1\r\nHost: shop\r\n"
LATE = 3  # times its limit: the machine may be busy


def drip(connection, piece, interval, seconds):
    """Sends `piece` again and again until the server has enough; returns after how long."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if not connection.send(piece) or connection.is_closed_within(interval):
            return time.monotonic() - began
    pytest.fail(f"still open after {seconds} s")


# -- slow -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("begin", "piece"),
    [(b"GE", b""), (b"G", b"E"), (GET, b"X-Drip: drop\r\n"), (b"\r", b"")],
    ids=["silence in a head", "a letter at a time", "a header at a time", "half an empty line"],
)
def test_a_head_that_drips(rooms, connection, begin, piece):
    before = rooms.passed_on()
    connection.send(begin)
    took = drip(connection, piece, 0.2, HEADER_TIMEOUT_S * LATE)
    assert took > HEADER_TIMEOUT_S * 0.8
    assert [answer.status for answer in connection.answers_until_closed()] in ([408], [400])
    assert rooms.passed_on() == before


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (POST + b"Content-Length: 5000\r\n\r\n", b"x"),
        (POST + b"Content-Length: 5000\r\n\r\n", b""),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n", b""),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n5;", b"x"),
    ],
    ids=["bytes", "silence", "chunks", "silence before a chunk", "an extension"],
)
def test_a_body_that_drips(rooms, connection, head, piece):
    before = rooms.passed_on()
    connection.send(head)
    took = drip(connection, piece, 0.2, BODY_TIMEOUT_S * LATE)
    assert took > BODY_TIMEOUT_S * 0.8
    assert [answer.status for answer in connection.answers_until_closed()] == [408]
    assert rooms.passed_on() == before


def test_a_body_that_is_slow_but_comes(rooms, connection):
    """Each BODY_BYTES_PER_S_MIN of it give its sender a second more."""
    before = rooms.passed_on()
    connection.send(POST + b"Content-Length: 4000\r\n\r\n")
    for _ in range(8):
        time.sleep(BODY_TIMEOUT_S / 4)
        assert connection.send(b"x" * 500)
    assert len(connection.answer().json["body"]) == 4000
    assert rooms.passed_on() == before + 1


@pytest.mark.parametrize("asks_first", [False, True])
def test_an_idle_connection_is_closed(connection, asks_first):
    if asks_first:
        connection.send(GET + b"\r\n")
        assert connection.answer().status == 200
    began = time.monotonic()
    assert connection.is_closed_within(IDLE_TIMEOUT_S * LATE)
    assert time.monotonic() - began > IDLE_TIMEOUT_S * 0.8


def test_empty_lines_don_t_keep_a_connection(rooms, connection):
    before = rooms.passed_on()
    drip(connection, b"\r\n", 0.1, IDLE_TIMEOUT_S * LATE)
    assert rooms.passed_on() == before


def test_a_caller_that_doesn_t_read_its_answers(rooms, connection):
    """What can't be sent is waited for so long as a body may take; meanwhile nothing more is read
    from that caller, and others are served."""
    body = b"x" * 60000
    request = POST + b"Content-Length: %d\r\n\r\n" % len(body) + body
    connection._socket.settimeout(0.5)
    sent = 0
    try:
        for _ in range(500):
            connection._socket.sendall(request)
            sent += 1
    except (TimeoutError, BrokenPipeError, ConnectionResetError):
        pass
    assert sent < 500, "somebody swallows what nobody reads"
    with rooms.gateway.connect() as other:
        other.send(GET + b"\r\n")
        assert other.answer().status == 200
    time.sleep(BODY_TIMEOUT_S * LATE)
    assert not connection.send(request) or not connection.send(request)


# -- large ----------------------------------------------------------------------------------------


def refused_with(rooms, connection, data, status, code):
    before = rooms.passed_on()
    connection.send(data)
    answers = connection.answers_until_closed()
    assert [answer.status for answer in answers] == [status], answers
    assert answers[0].code == code
    assert rooms.passed_on() == before


@pytest.mark.parametrize(
    "data",
    [
        b"GET /" + b"a" * HEADER_BYTES_MAX + b" HTTP/1.1\r\nHost: shop\r\n\r\n",
        b"GET /" + b"a" * 100_000,
        b"GET /api/v1/echo?" + b"a" * HEADER_BYTES_MAX + b" HTTP/1.1\r\n",
    ],
    ids=["path", "endless path", "query"],
)
def test_a_target_that_is_too_long(rooms, connection, data):
    refused_with(rooms, connection, data, 414, "target_too_long")


@pytest.mark.parametrize(
    "data",
    [
        GET + b"X: " + b"a" * HEADER_BYTES_MAX + b"\r\n\r\n",
        GET + b"X: " + b"a" * 100_000,
        GET + b"X" * HEADER_BYTES_MAX + b": a\r\n\r\n",
        GET + b"X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 1000 + b"\r\n",
        GET + b"X: a\r\n" * HEADER_FIELDS_MAX + b"\r\n",
        GET + b"Cookie: a=b\r\n" * HEADER_FIELDS_MAX * 2 + b"\r\n",
    ],
    ids=["value", "endless value", "name", "headers", "one too many", "cookies"],
)
def test_a_head_that_is_too_large(rooms, connection, data):
    refused_with(rooms, connection, data, 431, "headers_too_large")


def test_as_many_headers_as_allowed(rooms, connection):
    """A few fewer: the gateway adds some of its own, and the room has the same limit."""
    before = rooms.passed_on()
    connection.send(GET + b"X: a\r\n" * (HEADER_FIELDS_MAX - 10) + b"\r\n")
    assert connection.answer().status == 200
    assert rooms.passed_on() == before + 1


@pytest.mark.parametrize(
    "data",
    [
        POST + b"Content-Length: %d\r\n\r\n" % (BODY_BYTES_MAX + 1),
        POST + b"Content-Length: 9223372036854775807\r\n\r\n",
        POST + b"Content-Length: 18446744073709551615\r\n\r\n",
        POST + b"Content-Length: 10000000\r\n\r\n" + b"x" * 1_000_000,
        POST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % (BODY_BYTES_MAX + 1),
        POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + (b"1000\r\n" + b"x" * 4096 + b"\r\n") * 100,
    ],
    ids=["one byte", "2^63", "2^64", "upload", "chunk", "largest chunk", "endless chunks"],
)
def test_a_body_that_is_too_large(rooms, connection, data):
    refused_with(rooms, connection, data, 413, "body_too_large")


def test_the_largest_body_allowed(rooms, connection):
    before = rooms.passed_on()
    connection.send(POST + b"Content-Length: %d\r\n\r\n" % BODY_BYTES_MAX + b"x" * BODY_BYTES_MAX)
    assert len(connection.answer().json["body"]) == BODY_BYTES_MAX
    assert rooms.passed_on() == before + 1


def test_an_endless_upload_sees_its_refusal(rooms):
    """Somebody who sends on and on without reading still finds the answer afterwards."""
    with rooms.gateway.connect() as connection:
        head = POST + b"Content-Length: 100000000\r\n\r\n"
        connection.send(head)
        for _ in range(20):
            if not connection.send(b"x" * 10_000):
                break
        assert connection.answer().status == 413


# -- many -----------------------------------------------------------------------------------------


def pipelined(count):
    return b"".join(
        b"GET /api/v1/echo?n=%d HTTP/1.1\r\nHost: shop\r\n\r\n" % number for number in range(count)
    )


def test_pipelined_requests_are_answered_in_order(rooms, connection):
    before = rooms.passed_on()
    connection.send(pipelined(100))
    queries = [connection.answer().json["query"] for _ in range(100)]
    assert queries == [f"n={number}" for number in range(100)]
    assert rooms.passed_on() == before + 100


def test_a_refusal_among_pipelined_requests_ends_them(rooms, connection):
    before = rooms.passed_on()
    connection.send(pipelined(3) + GET + b"Bad Header: a\r\n\r\n" + pipelined(3))
    statuses = [answer.status for answer in connection.answers_until_closed()]
    assert statuses == [200, 200, 200, 400]
    assert rooms.passed_on() == before + 3


def test_somebody_who_never_waits_for_an_answer_has_to_begin_anew(rooms, connection):
    before = rooms.passed_on()
    connection.send(pipelined(1000))
    answers = connection.answers_until_closed()
    assert {answer.status for answer in answers} == {200}
    assert len(answers) == 256
    assert answers[-1].closes and not answers[-2].closes
    assert [answer.json["query"] for answer in answers] == [f"n={number}" for number in range(256)]
    assert rooms.passed_on() == before + 256


def test_a_body_before_its_time_is_not_taken_for_a_request(rooms, connection):
    """A caller that ends in the middle: half a body is no request, and nothing follows it."""
    before = rooms.passed_on()
    connection.send(POST + b"Content-Length: 100\r\n\r\n" + pipelined(1)[:50])
    connection.end()
    assert connection.answers_until_closed() == []
    assert rooms.passed_on() == before
