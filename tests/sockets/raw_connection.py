"""Bytes to a server and the answers it gives, without a client in between that would be careful."""

import json
import select
import socket
import time
from dataclasses import dataclass

SECONDS = 10


@dataclass
class Answer:
    version: str
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json.get("code")

    @property
    def closes(self):
        return self.headers.get("connection") == "close"


class Closed(Exception):
    """The server ended the connection; `rest` came without being an answer."""

    def __init__(self, rest):
        super().__init__(f"closed after {rest!r}")
        self.rest = rest


class RawConnection:
    def __init__(self, address):
        self._socket = socket.create_connection(address, timeout=SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._socket.close()

    def send(self, data):
        """True if all of it could be sent: a server may have enough and close."""
        try:
            self._socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def end(self):
        """Says that nothing more comes."""
        self._socket.shutdown(socket.SHUT_WR)

    def _read_more(self):
        try:
            data = self._socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Closed(self._received)
        self._received += data

    def _take_until(self, end):
        while end not in self._received:
            self._read_more()
        taken, self._received = self._received.split(end, 1)
        return taken

    def answer(self, to_head=False):
        head = self._take_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status = head[0].split(" ")[:2]
        headers = {
            name.lower(): value.strip()
            for name, value in (line.split(":", 1) for line in head[1:])
        }
        status = int(status)
        if to_head or status in (204, 304) or status < 200:
            return Answer(version, status, headers, b"")
        length = int(headers["content-length"])
        while len(self._received) < length:
            self._read_more()
        body, self._received = self._received[:length], self._received[length:]
        return Answer(version, status, headers, body)

    def answers_until_closed(self):
        answers = []
        while True:
            try:
                answers.append(self.answer())
            except Closed as end:
                assert end.rest == b"", end
                return answers

    def is_closed_within(self, seconds):
        """Waits that long for the end, and takes no answer on the way."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            ready, _, _ = select.select([self._socket], [], [], deadline - time.monotonic())
            if not ready:
                return False
            try:
                self._read_more()
            except Closed:
                return True
        return False
