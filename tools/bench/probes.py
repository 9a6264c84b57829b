"""Asks a server the same thing over and over while something else keeps it busy."""

import http.client
import threading
import time
from dataclasses import dataclass, field

from shop.ports import LOOPBACK

ANSWER_SECONDS = 5
EVERY_SECONDS = 0.1


@dataclass
class Probe:
    """`milliseconds` has one entry per question; one without an answer counts as long as it was
    waited for, and is named in `failures`."""

    name: str
    port: int
    path: str
    token: str | None = None
    milliseconds: list = field(default_factory=list)
    failures: list = field(default_factory=list)

    def ask(self):
        """On a connection of its own, as a kubelet or an operator does."""
        begin = time.monotonic()
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=ANSWER_SECONDS)
        try:
            headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
            connection.request("GET", self.path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                self.failures.append(f"{self.name} {self.path}: {answer.status}")
            took = time.monotonic() - begin
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(f"{self.name} {self.path}: {error!r}")
            took = ANSWER_SECONDS
        finally:
            connection.close()
        self.milliseconds.append(1000 * took)


class Prober:
    """One thread per probe, so that a slow server delays no question to another."""

    def __init__(self, probes):
        self.probes = list(probes)
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._go_on, args=(one,)) for one in self.probes]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _go_on(self, probe):
        due = time.monotonic()
        while not self._over.is_set():
            probe.ask()
            due = max(due + EVERY_SECONDS, time.monotonic())
            self._over.wait(due - time.monotonic())
