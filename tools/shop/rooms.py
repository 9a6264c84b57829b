"""The rooms of the shop as processes: what each is told, and where each listens."""

import hashlib
import os
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass

from shop.ports import LOOPBACK
from shop.redis_set import MASTER_NAME
from shop.state_folder import CHECKOUT
from shop.trouble import Trouble
from shop.waiting import wait_until

# In the order in which they are started; stopped the other way round.
ROOMS = ("auth", "product", "echo", "payment", "order-1", "order-2", "gateway")
READY_SECONDS = 30
GRACE_SECONDS = 10
PROBE_SECONDS = 2
# Everybody who visits a shop on this machine comes from 127.0.0.1: what is a limit for one
# household anywhere else would be one for the whole crowd here. Limits by account stay as they are.
LIMITS_BY_ADDRESS = {
    "RATE_LIMIT_SIGN_IN": "100000/1",
    "RATE_LIMIT_REFRESH": "100000/1",
    "RATE_LIMIT_BROWSE": "1000000/1",
    "RATE_LIMIT_INVALID_TOKEN": "100000/1",
}
# For what makes thousands of requests as one account, too: the requests are counted all the same.
LIMITS_OUT_OF_REACH = LIMITS_BY_ADDRESS | {
    "RATE_LIMIT_ACCOUNT": "1000000/1",
    "RATE_LIMIT_PURCHASE": "1000000/1",
    "RATE_LIMIT_ADMIN": "1000000/1",
}
# As the images have it: ADR 0047.
ALLOCATOR_VARIABLES = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=127"}
# How a build with sanitizers is told where to report; unset, a room gets none of them.
SANITIZER_VARIABLES = ("ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS")


def programs_folder():
    chosen = os.environ.get("DOORBUSTER_BIN")
    return CHECKOUT.joinpath(chosen) if chosen else CHECKOUT / "build" / "release" / "bin"


def program(name):
    path = programs_folder() / name
    if not path.exists():
        raise Trouble(f"{path} is missing: run `make build`")
    return path


@dataclass(frozen=True)
class RoomPorts:
    serving: int
    health: int


class Rooms:
    """`ports`: RoomPorts by the name of a room's process."""

    def __init__(self, state, launcher, postgres, redis, ports):
        self._state = state
        self._launcher = launcher
        self._postgres = postgres
        self._redis = redis
        self.ports = ports
        self.overrides = {}  # further variables by the name of a room's process

    def start(self):
        for name in ROOMS:
            self.start_one(name)

    def start_one(self, name):
        """`name` is a room, with a suffix for a further pod of it: order-2. One that is not of
        ROOMS needs an entry in `ports`, and is stopped by whoever started it."""
        self._launcher.start(
            name,
            [program(name.split("-")[0])],
            log=self._state.log(name),
            environment=self._common(name) | self._special(name) | self.overrides.get(name, {}),
        )

    def wait_ready(self):
        for name in ROOMS:
            wait_until(
                lambda: self.is_ready(name),
                READY_SECONDS,
                what=f"{name} is ready",
                log=self._state.log(name),
                still_running=lambda: self._launcher.is_alive(name),
            )

    def is_ready(self, name):
        return answers_ok(f"http://{LOOPBACK}:{self.ports[name].health}/readyz")

    @contextmanager
    def changed(self, names, variables):
        """These rooms with further variables: they are started anew, and once more afterwards."""
        before = {name: self.overrides.get(name, {}) for name in names}
        try:
            self._restart({name: before[name] | variables for name in names})
            yield
        finally:
            self._restart(before)

    def _restart(self, variables_by_name):
        self._launcher.stop(list(variables_by_name), grace_seconds=GRACE_SECONDS)
        for name, variables in variables_by_name.items():
            self.overrides[name] = variables
            self.start_one(name)
        self.wait_ready()

    def stop(self):
        """The gateway first, so that it drains while the others can still answer; order before
        what it calls."""
        callees = ["auth", "product", "echo", "payment"]
        for names in (["gateway"], ["order-1", "order-2"], callees):
            self._launcher.stop(names, grace_seconds=GRACE_SECONDS)

    def stop_quickly(self):
        self._launcher.stop(ROOMS, grace_seconds=GRACE_SECONDS)

    def origin(self, name):
        return f"http://{LOOPBACK}:{self.ports[name].serving}"

    def database_url_file(self, role):
        url = self._postgres.url(role, self._state.secret(f"{role}-database-password"))
        return str(self._state.secret_file(f"{role}-database-url", url))

    def _common(self, name):
        return {
            "LISTEN_ADDRESS": LOOPBACK,
            "LISTEN_PORT": str(self.ports[name].serving),
            "HEALTH_PORT": str(self.ports[name].health),
            "LOG_LEVEL": os.environ.get("LOG_LEVEL", "info"),
            **ALLOCATOR_VARIABLES,
            **{one: os.environ[one] for one in SANITIZER_VARIABLES if one in os.environ},
        }

    def _special(self, name):
        if name == "auth":
            return {
                "DATABASE_URL_FILE": self.database_url_file("auth"),
                "JWT_SIGNING_KEY_FILE": str(self._state.signing_key_file()),
                "JWT_OTHER_KEY_FILE": str(self._state.other_key_file()),
            }
        if name == "product":
            return {
                "DATABASE_URL_FILE": self.database_url_file("product"),
                "AUTH_ORIGIN": self.origin("auth"),
                "ACCEPTED_CALLERS": self._accepted_callers(),
                "CURSOR_SIGNING_KEY_FILE": str(self._state.secret_file("cursor-signing-key")),
            }
        if name == "payment":
            return {
                "DATABASE_URL_FILE": self.database_url_file("payment"),
                "ACCEPTED_CALLERS": self._accepted_callers(),
                # One pod of order is as good as the other: a webhook that finds it away comes
                # again.
                "ORDER_ORIGIN": self.origin("order-1"),
                "WEBHOOK_SECRET_FILE": str(self._state.secret_file("webhook-secret")),
            }
        if name.startswith("gateway"):
            return {
                "AUTH_ORIGIN": self.origin("auth"),
                "PRODUCT_ORIGIN": self.origin("product"),
                "ECHO_ORIGIN": self.origin("echo"),
                "ORDER_ORIGINS": ",".join(self._address(one) for one in ("order-1", "order-2")),
                **LIMITS_BY_ADDRESS,
                **self.redis_variables(),
            }
        if name.startswith("order"):
            return {
                "DATABASE_URL_FILE": self.database_url_file("orders"),
                "AUTH_ORIGIN": self.origin("auth"),
                "PRODUCT_ORIGIN": self.origin("product"),
                "PAYMENT_ORIGIN": self.origin("payment"),
                "WEBHOOK_SECRET_FILE": str(self._state.secret_file("webhook-secret")),
                "SERVICE_NAME": "order",
                "SERVICE_SECRET_FILE": str(self._state.secret_file("order-service-secret")),
                "ACCEPTED_CALLERS": self._accepted_callers(),
                "ADVERTISED_ADDRESS": self._address(name),
                **self.redis_variables(),
            }
        return {}

    def pods(self):
        """Where each pod answers /readyz, as `doorbuster preflight` reads it."""
        return ",".join(
            f"{name.split('-')[0]}={LOOPBACK}:{self.ports[name].health}" for name in ROOMS
        )

    def redis_variables(self):
        return {
            "REDIS_SENTINELS": self._redis.sentinel_addresses(),
            "REDIS_MASTER_NAME": MASTER_NAME,
            "REDIS_FALLBACK": self._redis.first_address(),
            "REDIS_PASSWORD_FILE": str(self._state.secret_file("redis-password")),
        }

    def _accepted_callers(self):
        secret = self._state.secret("order-service-secret")
        return f"order={hashlib.sha256(secret.encode()).hexdigest()}"

    def _address(self, name):
        return f"{LOOPBACK}:{self.ports[name].serving}"


def answers_ok(url):
    try:
        with urllib.request.urlopen(url, timeout=PROBE_SECONDS) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False
