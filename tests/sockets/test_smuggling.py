"""Requests that two servers could read as two different ones. Each is refused by the first, or it
is one sane request for both: what is hidden in it never comes to a room."""

import pytest

HIDDEN = b"GET /api/v1/echo?hidden HTTP/1.1\r\nHost: shop\r\n\r\n"
POST = b"POST /api/v1/echo HTTP/1.1\r\nHost: shop\r\n"
GET = b"GET /api/v1/echo HTTP/1.1\r\nHost: shop\r\n"


def chunked(*chunks):
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


# name: bytes that must be answered 400, with the connection's end, and come to no room.
REFUSED = {
    # Which of the two lengths holds?
    "CL.TE": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "TE.CL": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + HIDDEN,
    "CL.TE with CL 0": POST + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "TE.TE": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "TE.TE, one unknown": POST
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n" + HIDDEN,
    "TE.TE, first unknown": POST
    + b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "TE in lower and upper case": POST
    + b"transfer-encoding: chunked\r\nTRANSFER-ENCODING: identity\r\n\r\n0\r\n\r\n" + HIDDEN,
    # Encodings that look like chunked to somebody.
    "xchunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "chunked, identity": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + HIDDEN,
    "identity, chunked": POST + b"Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "gzip, chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "identity": POST + b"Transfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n" + HIDDEN,
    "quoted": POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n' + HIDDEN,
    "with a parameter": POST + b"Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n" + HIDDEN,
    "empty": POST + b"Transfer-Encoding:\r\nContent-Length: 0\r\n\r\n" + HIDDEN,
    "with a vertical tab": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "with a comma": POST + b"Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "in HTTP/1.0": b"POST /api/v1/echo HTTP/1.0\r\nHost: shop\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    # Lengths.
    "two lengths": POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello" + HIDDEN,
    "one length twice": POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello" + HIDDEN,
    "a list of lengths": POST + b"Content-Length: 5, 5\r\n\r\nhello" + HIDDEN,
    "a negative length": POST + b"Content-Length: -5\r\n\r\nhello",
    "a length with plus": POST + b"Content-Length: +5\r\n\r\nhello",
    "a hexadecimal length": POST + b"Content-Length: 0x5\r\n\r\nhello",
    "a length with a fraction": POST + b"Content-Length: 5.0\r\n\r\nhello",
    "a length with an exponent": POST + b"Content-Length: 1e1\r\n\r\nhello",
    "a length in two parts": POST + b"Content-Length: 1 0\r\n\r\nhello",
    "an empty length": POST + b"Content-Length:\r\n\r\n" + HIDDEN,
    "a length that overflows": POST + b"Content-Length: 18446744073709551621\r\n\r\nhello" + HIDDEN,
    "a length of 40 digits": POST + b"Content-Length: " + b"9" * 40 + b"\r\n\r\nhello",
    # Lines.
    "a folded header": GET + b"X: a\r\n b\r\n\r\n",
    "a folded length": POST + b"Content-Length:\r\n 5\r\n\r\nhello",
    "a fold at once": b"GET /api/v1/echo HTTP/1.1\r\n Host: shop\r\nHost: shop\r\n\r\n",
    "a folded encoding": POST + b"Transfer-Encoding:\r\n\tchunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "bare LF": GET.replace(b"\r\n", b"\n") + b"\n",
    "one bare LF": GET + b"X: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "a bare LF at the end": GET + b"\n" + HIDDEN,
    "a bare CR in a value": GET + b"X: a\rTransfer-Encoding: chunked\r\n\r\n",
    "a bare CR in a name": GET + b"X\r: a\r\n\r\n",
    "a bare CR at the end": GET + b"X: a\r\r\n\r\n",
    "NUL in a value": GET + b"X: a\0b\r\n\r\n",
    "NUL in a name": GET + b"X\0: a\r\n\r\n",
    "NUL in the target": b"GET /api/v1/echo\0 HTTP/1.1\r\nHost: shop\r\n\r\n",
    "a control character": GET + b"X: a\x01b\r\n\r\n",
    "a space before the colon": GET + b"Content-Length : 5\r\n\r\nhello",
    "a tab before the colon": GET + b"Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
    "a space in a name": GET + b"Content Length: 5\r\n\r\nhello",
    "no colon": GET + b"Content-Length\r\n\r\n",
    "no name": GET + b": a\r\n\r\n",
    "a request line with two spaces": b"GET  /api/v1/echo HTTP/1.1\r\nHost: shop\r\n\r\n",
    "a request line with a tab": b"GET\t/api/v1/echo\tHTTP/1.1\r\nHost: shop\r\n\r\n",
    "a target with a space": b"GET /api/v1/echo x HTTP/1.1\r\nHost: shop\r\n\r\n",
    "a space before the method": b" GET /api/v1/echo HTTP/1.1\r\nHost: shop\r\n\r\n",
    # Hosts.
    "no host": b"GET /api/v1/echo HTTP/1.1\r\n\r\n",
    "two hosts": GET + b"Host: shop\r\n\r\n",
    "two different hosts": GET + b"Host: other\r\n\r\n",
    "a host with a path": b"GET /api/v1/echo HTTP/1.1\r\nHost: shop/x\r\n\r\n",
    "a host with a space": b"GET /api/v1/echo HTTP/1.1\r\nHost: shop x\r\n\r\n",
    "a host with a user": b"GET /api/v1/echo HTTP/1.1\r\nHost: a@shop\r\n\r\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_ambiguous_is_refused(rooms, connection, name):
    before = rooms.passed_on()
    connection.send(REFUSED[name])
    answers = connection.answers_until_closed()
    assert [answer.status for answer in answers] == [400], answers
    assert answers[0].closes
    assert answers[0].code in ("request_malformed", "host_missing"), answers[0]
    assert rooms.passed_on() == before


CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
BROKEN_CHUNKS = {
    "no size": b"\r\nhello\r\n0\r\n\r\n",
    "a negative size": b"-5\r\nhello\r\n0\r\n\r\n",
    "a size with plus": b"+5\r\nhello\r\n0\r\n\r\n",
    "a size with 0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "a size that is no number": b"five\r\nhello\r\n0\r\n\r\n",
    "a space before the size": b" 5\r\nhello\r\n0\r\n\r\n",
    "a size that overflows": b"10000000000000005\r\nhello\r\n0\r\n\r\n" + HIDDEN,
    "a size of 40 digits": b"f" * 40 + b"\r\nhello\r\n0\r\n\r\n",
    "a size that ends in LF": b"5\nhello\r\n0\r\n\r\n",
    "a size that ends in CR": b"5\rhello\r\n0\r\n\r\n",
    "a chunk that is longer than it says": b"5\r\nhello, world\r\n0\r\n\r\n",
    "a chunk that ends in LF": b"5\r\nhello\n0\r\n\r\n",
    "an extension that hides a line": b"5;a=\nb\r\nhello\r\n0\r\n\r\n",
    "an extension with NUL": b"5;\0\r\nhello\r\n0\r\n\r\n",
    "an endless extension": b"5;" + b"a" * 20000,
    "many extensions": b"1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n" * 200 + b"0\r\n\r\n",
    "thousands of chunks of one byte": b"1\r\nx\r\n" * 5000 + b"0\r\n\r\n",
    "an endless trailer": b"0\r\nX: " + b"a" * 20000,
    "a trailer that is no header": b"0\r\nno header\r\n\r\n",
    "a trailer that would be framing": b"0\r\nContent-Length: 100\r\n\r\n" + HIDDEN,
    "a trailer that would be chunked": b"0\r\nTransfer-Encoding: chunked\r\n\r\n" + HIDDEN,
}


@pytest.mark.parametrize("name", BROKEN_CHUNKS)
def test_chunks_that_make_no_sense(rooms, connection, name):
    before = rooms.passed_on()
    connection.send(CHUNKED + BROKEN_CHUNKS[name])
    answers = connection.answers_until_closed()
    assert [answer.status for answer in answers] in ([400], [413]), answers
    assert rooms.passed_on() == before


# name: (bytes, the body that echo must see)
TAKEN = {
    "chunks": (CHUNKED + chunked(b"hel", b"lo"), "hello"),
    "CHUNKED": (POST + b"Transfer-Encoding: CHUNKED\r\n\r\n" + chunked(b"hello"), "hello"),
    "upper-case size": (CHUNKED + b"A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
    "leading zeros": (CHUNKED + b"0005\r\nhello\r\n000\r\n\r\n", "hello"),
    "an extension": (CHUNKED + b'5;a=b;c="d"\r\nhello\r\n0;x\r\n\r\n', "hello"),
    "a trailer": (CHUNKED + b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", "hello"),
    "a trailer that would be a host": (CHUNKED + b"5\r\nhello\r\n0\r\nHost: x\r\n\r\n", "hello"),
    "a folded trailer": (CHUNKED + b"5\r\nhello\r\n0\r\nX-Sum: a\r\n b\r\n\r\n", "hello"),
    "a length": (POST + b"Content-Length: 5\r\n\r\nhello", "hello"),
    "a length with zeros": (POST + b"Content-Length: 005\r\n\r\nhello", "hello"),
    "spaces around a length": (POST + b"Content-Length: \t 5 \t\r\n\r\nhello", "hello"),
    "a body of a GET": (GET + b"Content-Length: 5\r\n\r\nhello", "hello"),
    "a request as a body": (POST + b"Content-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
                            HIDDEN.decode()),
    "underscores are no dashes": (GET + b"Content_Length: 5\r\nTransfer_Encoding: x\r\n\r\n", ""),
    "an empty line before": (b"\r\n" + GET + b"\r\n", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_sound_comes_through_once(rooms, connection, name):
    data, body = TAKEN[name]
    before = rooms.passed_on()
    connection.send(data)
    answer = connection.answer()
    assert answer.status == 200, answer
    mirrored = answer.json
    assert mirrored["body"] == body
    names = [header["name"].lower() for header in mirrored["headers"]]
    assert names.count("host") == 1 and names.count("content-length") <= 1
    assert not {"transfer-encoding", "x-sum", "content_length", "transfer_encoding"} & set(names)
    assert rooms.passed_on() == before + 1
    # The connection is where it seems to be: the next request is the next request.
    connection.send(b"GET /api/v1/echo?next HTTP/1.1\r\nHost: shop\r\n\r\n")
    assert connection.answer().json["query"] == "next"
    assert rooms.passed_on() == before + 2


def test_what_holds_for_one_hop_or_claims_an_identity_stays_outside(rooms, connection):
    connection.send(
        GET + b"Connection: X-Secret, Authorization, keep-alive\r\nX-Secret: 1\r\n"
        b"Keep-Alive: timeout=5\r\nTE: trailers\r\nProxy-Authorization: Basic x\r\n"
        b"X-User-Id: 1\r\nX-Forwarded-For: 1.2.3.4\r\nX-Internal-Call: 1\r\nX_User_Id: 1\r\n"
        b"X-Kept: yes\r\n\r\n"
    )
    headers = {each["name"].lower(): each["value"] for each in connection.answer().json["headers"]}
    assert headers["x-kept"] == "yes"
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert set(headers) <= {
        "host", "x-kept", "x-request-id", "x-forwarded-for", "x-deadline-ms", "traceparent"
    }  # fmt: skip
