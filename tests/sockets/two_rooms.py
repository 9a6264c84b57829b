"""A gateway with echo behind it: all that it takes to see what of a request gets through."""

import json
import re
import subprocess
import time
import urllib.request

from raw_connection import RawConnection

from shop.ports import LOOPBACK
from shop.processes import die_with_this_process
from shop.rooms import program
from shop.waiting import wait_until

KILL = 9
# Not what these tests are about: many requests come from one address.
RATE_LIMITS = (
    "SIGN_IN", "REFRESH", "BROWSE", "ACCOUNT", "PURCHASE", "ADMIN", "INVALID_TOKEN",
)  # fmt: skip
START_SECONDS = 20
# Nobody listens there: the other rooms are away, which a gateway starts without.
NOWHERE = f"{LOOPBACK}:1"


class Room:
    """One process of a room on free ports, with the variables it is given."""

    def __init__(self, name, folder, variables):
        self.log = folder / f"{name}.log"
        with open(self.log, "wb") as stderr:
            self._process = subprocess.Popen(
                [str(program(name))],
                env={
                    "LISTEN_ADDRESS": LOOPBACK,
                    "LISTEN_PORT": "0",
                    "HEALTH_PORT": "0",
                    **{key: str(value) for key, value in variables.items()},
                },
                stdout=subprocess.PIPE,
                stderr=stderr,
                preexec_fn=die_with_this_process(KILL),
            )
        wait_until(
            lambda: self._line("serving"),
            START_SECONDS,
            what=f"{name} serves",
            log=self.log,
            still_running=lambda: self._process.poll() is None,
        )
        serving = self._line("serving")
        self.port, self.health_port = serving["port"], serving["health_port"]

    def _line(self, message):
        for line in self.log.read_text().splitlines():
            if line.startswith("{") and json.loads(line).get("message") == message:
                return json.loads(line)
        return None

    def connect(self):
        return RawConnection((LOOPBACK, self.port))

    def health(self, path):
        """The answer's text, and how long it took in seconds."""
        began = time.monotonic()
        with urllib.request.urlopen(
            f"http://{LOOPBACK}:{self.health_port}{path}", timeout=10
        ) as answer:
            text = answer.read().decode()
        return text, time.monotonic() - began

    def metric(self, name):
        """The sum of all series of that name."""
        found = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", self.health("/metrics")[0], re.M)
        return sum(float(value) for value in found)

    def resident_bytes(self):
        return int(self.metric("process_resident_memory_bytes"))

    def served(self):
        """Requests it answered, refused ones among them."""
        return int(self.metric("doorbuster_http_requests_total"))

    def stop(self):
        """Ends it in order, once, and returns what it wrote to standard output."""
        if self._process.poll() is not None:
            return ""
        self._process.terminate()
        try:
            return self._process.communicate(timeout=START_SECONDS)[0].decode()
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise


class TwoRooms:
    def __init__(self, folder, **variables):
        self.echo = Room("echo", folder, {})
        try:
            self.gateway = Room(
                "gateway",
                folder,
                {
                    "ECHO_ORIGIN": f"{LOOPBACK}:{self.echo.port}",
                    "AUTH_ORIGIN": f"http://{NOWHERE}",
                    "PRODUCT_ORIGIN": NOWHERE,
                    "ORDER_ORIGINS": NOWHERE,
                    "TOKEN_KEYS_REFRESH_MS": 600000,
                    "REDIS_SENTINELS": NOWHERE,
                    **{f"RATE_LIMIT_{limit}": "off" for limit in RATE_LIMITS},
                    **variables,
                },
            )
        except BaseException:
            self.echo.stop()
            raise

    def stop(self):
        try:
            self.gateway.stop()
        finally:
            self.echo.stop()

    def passed_on(self):
        """A counter to compare: requests that came to echo."""
        return self.echo.served()
