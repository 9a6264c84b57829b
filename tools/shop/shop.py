"""The whole shop: starts its parts in order, waits until each is ready, and ends them."""

import os

from shop import ports as port_choice
from shop import processes
from shop.operator_command import run_operator_command
from shop.ports import LOOPBACK
from shop.postgres import PrivatePostgres
from shop.redis_set import NODES, SENTINELS, RedisSet
from shop.rooms import ROOMS, RoomPorts, Rooms, program, programs_folder
from shop.state_folder import CHECKOUT, StateFolder
from shop.terminal import Step

ADMIN_EMAIL = "admin@doorbuster.example"
GATEWAY_PORT = 8080
INTERNAL_PORTS_FIRST = 17400
PORT_NAMES = (
    "gateway",
    *(f"{room}-health" for room in ROOMS),
    *(room for room in ROOMS if room != "gateway"),
    "postgres",
    *NODES,
    *SENTINELS,
)
ROLES = ("auth", "product", "orders", "payment", "auditor")


def fixed_ports():
    """For `up`: the same at every start, so that addresses can be kept in a bookmark."""
    first = int(os.environ.get("DOORBUSTER_INTERNAL_PORTS", INTERNAL_PORTS_FIRST))
    gateway = int(os.environ.get("DOORBUSTER_PORT", GATEWAY_PORT))
    numbers = [gateway, *range(first, first + len(PORT_NAMES) - 1)]
    how = "Choose others: DOORBUSTER_PORT (the gateway's), DOORBUSTER_INTERNAL_PORTS (the first"
    port_choice.require_free(numbers, f"{how} of {len(numbers) - 1} in a row).")
    return dict(zip(PORT_NAMES, numbers))


def free_ports():
    return dict(zip(PORT_NAMES, port_choice.random_free(len(PORT_NAMES))))


class Shop:
    """`bound`: the shop ends with this process, however that ends. Not bound: it runs on, and
    `Shop.find` finds it again."""

    def __init__(self, state, launcher, numbers):
        self.state = state
        self.launcher = launcher
        self.numbers = numbers
        self.postgres = PrivatePostgres(state, launcher, numbers["postgres"])
        self.redis = RedisSet(
            state,
            launcher,
            [numbers[name] for name in NODES],
            [numbers[name] for name in SENTINELS],
        )
        room_ports = {room: RoomPorts(numbers[room], numbers[f"{room}-health"]) for room in ROOMS}
        self.rooms = Rooms(state, launcher, self.postgres, self.redis, room_ports)

    @classmethod
    def make(cls, kind, *, bound):
        """A new shop in the folder of `kind`; starts nothing yet. A bound one begins empty."""
        program("gateway")
        state = StateFolder(kind)
        state.prepare()
        state.lock()
        if bound:
            state.empty()
            state.prepare()
        launcher = processes.Launcher(state.records, bound)
        if not bound:
            launcher.stop(list(launcher.identities), grace_seconds=10)
        shop = cls(state, launcher, free_ports() if bound else fixed_ports())
        state.remember("ports", shop.numbers)
        return shop

    @classmethod
    def find(cls, kind="up"):
        """The shop that a former command left running; None if there never was one."""
        state = StateFolder(kind)
        numbers = state.facts().get("ports") if state.exists() else None
        if not numbers:
            return None
        state.lock()
        return cls(state, processes.Launcher(state.records, bound=False), numbers)

    def url(self):
        return self.rooms.origin("gateway")

    def start(self):
        processes.allow_many_files()
        with Step("PostgreSQL, Redis, sentinels start") as step:
            self.redis.start_nodes()
            self.postgres.start()
            self.postgres.wait_ready()
            self.redis.start_sentinels()
            step.note = f"PostgreSQL {self.postgres.version()}, fsync on"
        with Step("schemas and roles"):
            self.command("migrate", "--migrations", CHECKOUT / "services")
        with Step("rooms start") as step:
            self.rooms.start()
            self.rooms.wait_ready()
            step.note = ", ".join(ROOMS)
        with Step("Redis replicas and sentinels know each other"):
            self.redis.wait_ready()
        self._make_admin()

    def stop(self, *, quickly=False):
        if quickly:
            self.rooms.stop_quickly()
        else:
            self.rooms.stop()
        self.redis.stop()
        self.postgres.stop()

    def part_names(self):
        return ("postgres", *NODES, *SENTINELS, *ROOMS)

    def dead_parts(self):
        return [name for name in self.part_names() if not self.launcher.is_alive(name)]

    def operator_environment(self):
        """What the operator's command and tests need to reach everything in this shop."""
        state = self.state
        passwords = {
            f"{role.upper()}_DATABASE_PASSWORD_FILE": state.secret_file(f"{role}-database-password")
            for role in ROLES
        }
        files = {
            "DATABASE_ADMIN_URL_FILE": state.secret_file("admin-url", self.postgres.admin_url()),
            "AUDIT_DATABASE_URL_FILE": self.rooms.database_url_file("auditor"),
            "JWT_SIGNING_KEY_FILE": state.signing_key_file(),
            "JWT_OTHER_KEY_FILE": state.other_key_file(),
            "ADMIN_PASSWORD_FILE": state.secret_file("admin-password"),
            **passwords,
        }
        return {
            **{name: str(path) for name, path in files.items()},
            **self.rooms.redis_variables(),
            "ROOM_PODS": self.rooms.pods(),
            "AUTH_PODS": f"{LOOPBACK}:{self.numbers['auth']}",
            "DOORBUSTER_URL": self.url(),
            "DOORBUSTER_SHOP": str(state.path),
            "ADMIN_EMAIL": ADMIN_EMAIL,
            "PATH": f"{programs_folder()}:{os.environ.get('PATH', os.defpath)}",
        }

    def command(self, *arguments, **extra):
        """Output of the operator's command `doorbuster`; Trouble if it failed."""
        return run_operator_command(arguments, self.operator_environment() | extra)

    def admin_token(self):
        return self.command("admin", "token", "--email", ADMIN_EMAIL).strip()

    def _make_admin(self):
        if "admin" not in self.state.facts():
            self.command("admin", "create", "--email", ADMIN_EMAIL)
            self.state.remember("admin", ADMIN_EMAIL)
