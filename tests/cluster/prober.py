"""Readers who go on visiting the shop while something dies: a few requests a second to the rooms
that buyers don't touch during a sale. Every answer counts, and so does its absence."""

import http.client
import threading
import time
import uuid
from dataclasses import dataclass, field

ANSWER_SECONDS = 5
JOIN_SECONDS = 2 * ANSWER_SECONDS


@dataclass(frozen=True)
class Reader:
    name: str
    method: str
    path: str
    every_seconds: float
    body: str | None = None


@dataclass(frozen=True)
class Failure:
    reader: str
    what: str  # the status, or why there was no answer
    at: float  # time.monotonic()


@dataclass
class Tally:
    asked: int = 0
    failures: list = field(default_factory=list)

    def __str__(self):
        shown = ", ".join(f"{one.reader}: {one.what}" for one in self.failures[:5])
        return f"{len(self.failures)} of {self.asked} failed" + (f" ({shown})" if shown else "")


class Prober:
    """`address`: (host, port) of the ingress. One thread a reader, one connection a request, as a
    passer-by would have it."""

    def __init__(self, address, register):
        self._address = address
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._tally = Tally()
        self._threads = []
        self._register = register

    def start(self):
        email, password = f"reader-{uuid.uuid4()}@example.com", f"pass-{uuid.uuid4()}"
        self._register(email, password)
        credentials = f'{{"email": "{email}", "password": "{password}"}}'
        readers = (
            Reader("product list", "GET", "/api/v1/products", 0.2),
            Reader("echo", "GET", "/api/v1/echo", 0.2),
            Reader("keys", "GET", "/.well-known/jwks.json", 0.2),
            Reader("sale list", "GET", "/api/v1/flash-sales", 0.2),
            Reader("login", "POST", "/api/v1/auth/login", 1.0, credentials),
        )
        self._threads = [
            threading.Thread(target=self._read, args=(reader,), daemon=True) for reader in readers
        ]
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(JOIN_SECONDS)

    def begin(self):
        """From now on counts anew; the former count is returned."""
        with self._lock:
            former, self._tally = self._tally, Tally()
        return former

    def _read(self, reader):
        next_at = time.monotonic()
        while not self._stop.is_set():
            began = time.monotonic()
            problem = self._ask(reader)
            with self._lock:
                self._tally.asked += 1
                if problem:
                    self._tally.failures.append(Failure(reader.name, problem, began))
            next_at = max(next_at + reader.every_seconds, time.monotonic())
            self._stop.wait(next_at - time.monotonic())

    def _ask(self, reader):
        """What went wrong; empty if nothing did."""
        host, port = self._address
        connection = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)
        fields = {"Content-Type": "application/json"} if reader.body else {}
        try:
            connection.request(reader.method, reader.path, body=reader.body, headers=fields)
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as error:
            return f"no answer, {error.__class__.__name__}"
        finally:
            connection.close()
        return "" if response.status == 200 else str(response.status)
