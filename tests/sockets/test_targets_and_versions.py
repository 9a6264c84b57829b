"""What may stand in a request line: one form of a path, and HTTP/1."""

import pytest


def get(target, version=b"HTTP/1.1", headers=b"Host: shop\r\n"):
    return b"GET " + target + b" " + version + b"\r\n" + headers + b"\r\n"


ECHO = b"/api/v1/echo"

# Other spellings of a path that has a route, and paths that lead out of it.
NOT_THE_SAME = [
    b"/api/v1/../v1/echo",
    b"/api/v1/./echo",
    b"/./api/v1/echo",
    b"/api/v1/%2e%2e/v1/echo",
    b"/api/v1/%2E./echo",
    b"/api/v1/echo/..",
    b"/api/v1/echo/%2e",
    b"//api/v1/echo",
    b"/api//v1/echo",
    b"/api/v1/echo/",
    b"/api%2fv1%2fecho",
    b"/api/v1%2Fecho",
    b"/api/v1/%5cecho",
    b"\\api\\v1\\echo",
    b"/api/v1/echo%00",
    b"/api/v1/echo%00.html",
    b"/api/v1/echo%0d%0aX:%201",
    b"/api/v1/ech%6",
    b"/api/v1/ech%",
    b"/api/v1/%zzecho",
    b"/api/v1/%u0065cho",
    b"/api/v1/%c0%afecho",
    b"/api/v1/%c1%a5cho",
    b"/api/v1/%e0%80%afecho",
    b"/api/v1/%f0%80%80%afecho",
    b"/api/v1/%ed%a0%80",
    b"/api/v1/%ff",
    b"/api/v1/\xff",
    b"/API/v1/echo",
    b"/api/v1/echo;x=1",
    b"/api/v1/%252e%252e/echo",
    b"/api/v1/echo%3fx",
    b"/api/v1/echo%23x",
    b"/internal/v1/reservations",
    b"/api/v1/echo/../../../internal/v1/reservations",
    b"api/v1/echo",
    b"*",
    b"?",
    b"http://shop",
    b"http:///api/v1/echo",
    b"http://a@shop/api/v1/echo",
    b"http:/api/v1/echo",
    b"ftp://shop/api/v1/echo",
    b"https://shop/../api/v1/echo",
    b"shop:80",
]


@pytest.mark.parametrize("target", NOT_THE_SAME)
def test_other_spellings_of_a_path_reach_no_room(rooms, connection, target):
    before = rooms.passed_on()
    connection.send(get(target))
    answer = connection.answer()
    welcome = target == b"http://shop"  # that is the path "/", which is the gateway's own
    assert answer.status in ((200,) if welcome else (400, 404)), answer
    if not welcome:
        assert answer.code in ("path_invalid", "route_unknown", "request_malformed"), answer
    assert rooms.passed_on() == before


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (ECHO, "/api/v1/echo", ""),
        (b"/api/v1/%65cho", "/api/v1/echo", ""),
        (ECHO + b"?a=/../b", "/api/v1/echo", "a=/../b"),
        (ECHO + b"?a=%00%zz", "/api/v1/echo", "a=%00%zz"),
        (b"http://shop/api/v1/echo?a=1", "/api/v1/echo", "a=1"),
        (b"HTTPS://other.example:8443/api/v1/echo", "/api/v1/echo", ""),
    ],
)
def test_what_reaches_a_room_is_what_was_asked(rooms, connection, target, path, query):
    before = rooms.passed_on()
    connection.send(get(target))
    mirrored = connection.answer().json
    assert (mirrored["path"], mirrored["query"]) == (path, query)
    assert rooms.passed_on() == before + 1


def test_the_host_a_room_sees_is_its_own(rooms, connection):
    connection.send(get(b"http://evil.example/api/v1/echo", headers=b"Host: other.example\r\n"))
    headers = connection.answer().json["headers"]
    hosts = [each["value"] for each in headers if each["name"].lower() == "host"]
    assert hosts == [f"127.0.0.1:{rooms.echo.port}"]


@pytest.mark.parametrize(
    "data",
    [
        b"GET /api/v1/echo\r\n",
        b"GET /api/v1/echo\r\n\r\n",
        get(ECHO, b"HTTP/0.9"),
        get(ECHO, b"HTTP/1.2"),
        get(ECHO, b"HTTP/2.0"),
        get(ECHO, b"HTTP/2"),
        get(ECHO, b"http/1.1"),
        get(ECHO, b"HTTP/1.1x"),
        get(ECHO, b"HTTP/01.1"),
        get(ECHO, b"HTTP/1.10"),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\x0c\x04" + b"\0" * 17,
        b"CONNECT shop:80 HTTP/1.1\r\nHost: shop:80\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: shop\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # the first bytes of TLS
        b"\x80\x2e\x01\x03",
        b"hello\r\n",
        b"\r\n" * 50,
        b"G\xc3\x8bT /api/v1/echo HTTP/1.1\r\nHost: shop\r\n\r\n",
        b"X" * 100 + b" /api/v1/echo HTTP/1.1\r\nHost: shop\r\n\r\n",
    ],
)
def test_another_protocol_is_refused_at_once(rooms, connection, data):
    before = rooms.passed_on()
    connection.send(data)
    answers = connection.answers_until_closed()
    assert [answer.status for answer in answers] == [400], answers
    assert rooms.passed_on() == before


def test_http_1_0_is_answered_and_ends(rooms, connection):
    connection.send(get(ECHO, b"HTTP/1.0", headers=b""))
    answers = connection.answers_until_closed()
    assert [answer.status for answer in answers] == [200]
    assert answers[0].closes


def test_an_offer_to_upgrade_is_not_taken(rooms, connection):
    before = rooms.passed_on()
    connection.send(
        get(
            ECHO,
            headers=b"Host: shop\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
            b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n",
        )
    )
    answer = connection.answer()
    assert (answer.version, answer.status) == ("HTTP/1.1", 200)
    names = {each["name"].lower() for each in answer.json["headers"]}
    assert not names & {"upgrade", "http2-settings", "connection"}
    assert rooms.passed_on() == before + 1
    connection.send(get(ECHO + b"?next"))
    assert connection.answer().json["query"] == "next"


def test_who_waits_for_100_continue_is_told_to_go_on(rooms, connection):
    head = b"POST /api/v1/echo HTTP/1.1\r\nHost: shop\r\nExpect: 100-continue\r\n"
    before = rooms.passed_on()
    connection.send(head + b"Content-Length: 5\r\n\r\n")
    assert connection.answer().status == 100
    assert rooms.passed_on() == before
    connection.send(b"hello")
    answer = connection.answer()
    assert answer.json["body"] == "hello"
    assert "expect" not in {each["name"].lower() for each in answer.json["headers"]}
    assert rooms.passed_on() == before + 1


def test_who_waits_for_100_continue_with_too_much_is_refused_instead(rooms, connection):
    before = rooms.passed_on()
    connection.send(
        b"POST /api/v1/echo HTTP/1.1\r\nHost: shop\r\nExpect: 100-continue\r\n"
        b"Content-Length: 1000000\r\n\r\n"
    )
    answers = connection.answers_until_closed()
    assert [answer.status for answer in answers] == [413]
    assert rooms.passed_on() == before
