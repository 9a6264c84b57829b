"""The shop that is stormed: a private one of this machine, or one that is given by its address; one
in a cluster is cluster_target's."""

import json
import os
import signal
import subprocess

from load.ceiling import Ceiling
from load.verdict import CEILING_SHARE_MAX
from shop import processes
from shop.door import Door
from shop.postgres import program as postgres_program
from shop.redis_set import NODES, SENTINELS
from shop.rooms import ROOMS, program
from shop.shop import Shop
from shop.tiers import TierMeter
from shop.trouble import Trouble

POSTGRES_SETTINGS = (
    "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_connections",
    "max_wal_size",
)  # fmt: skip


class MachineShop:
    """What both have in common: the ceiling is a process of this machine, and only k6's."""

    report_name = "flash_sale"
    command = "make load"
    ceiling_share_max = CEILING_SHARE_MAX
    has_promises = False

    def ceiling(self, folder):
        return Ceiling(folder)


class LocalShop(MachineShop):
    """Ends with this process, however that ends."""

    def __init__(self):
        self.shop = Shop.make("load", bound=True)
        self._meter = TierMeter(self.shop.launcher)
        self.url = self.shop.url()
        self.folder = self.shop.state.path

    def start(self):
        self.shop.start()

    def stop(self):
        self.shop.stop(quickly=True)
        self.shop.state.forget_data()

    def environment(self):
        return self.shop.operator_environment()

    def cpu_seconds(self):
        return self._meter.read()

    def versions(self):
        return {"PostgreSQL": _version("postgres"), "Redis": _version("redis-server")}

    def topology(self):
        count = {}
        for room in ROOMS:
            name = room.split("-")[0]
            count[name] = count.get(name, 0) + 1
        return {
            "where": "ordinary processes of one machine, which runs k6 too",
            **{
                name: f"{number} process{'es'[: 2 * (number > 1)]}"
                for name, number in count.items()
            },
            "PostgreSQL": "1, a database on this machine's disk",
            "Redis": f"1 master, {len(NODES) - 1} replicas, {len(SENTINELS)} sentinels",
        }

    def limits(self):
        names = ", ".join(f"'{name}'" for name in POSTGRES_SETTINGS)
        answer = self.shop.postgres.ask(
            f"select name, current_setting(name) from pg_settings where name in ({names})"
        )
        settings = dict(line.split("|", 1) for line in answer.splitlines())
        return {"PostgreSQL": settings, "rooms": self.shop.rooms.overrides or "their defaults"}


class GivenShop(MachineShop):
    """What an operator needs comes from the environment, as for `doorbuster`."""

    def __init__(self, url, folder):
        self.url = url.rstrip("/")
        self.folder = folder

    def start(self):
        pass

    def stop(self):
        pass

    def environment(self):
        return os.environ | {"DOORBUSTER_URL": self.url}

    def cpu_seconds(self):
        return {}

    def versions(self):
        return {}

    def topology(self):
        return {"where": os.environ.get("TOPOLOGY", f"not told (TOPOLOGY); reached at {self.url}")}

    def limits(self):
        return {}


class Operator:
    """The operator's command, and the shop's door as an administrator."""

    def __init__(self, target):
        self._target = target
        self._token = None

    def sign_in(self):
        """Once per round: tokens live ten minutes."""
        email = self._target.environment().get("ADMIN_EMAIL")
        if email:
            self._token = self.command("admin", "token", "--email", email).strip()
        else:
            self._token = os.environ.get("DOORBUSTER_TOKEN")
        if not self._token:
            raise Trouble("an operator is needed: set ADMIN_EMAIL, or DOORBUSTER_TOKEN")
        self.door = Door(self._target.url, self._token)

    def command(self, *arguments):
        done = self._run(arguments)
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip()
            raise Trouble(f"`doorbuster {arguments[0]} ...` ended with {done.returncode}: {said}")
        return done.stdout

    def audit(self):
        """[P]: the invariants that the database alone can prove; k6 keeps no log."""
        done = self._run(("audit", "--json"))
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise Trouble(f"the audit could not be made: {done.stderr.strip()}") from None

    def _run(self, arguments):
        token = {"DOORBUSTER_TOKEN": self._token} if self._token else {}
        return subprocess.run(
            [str(program("doorbuster")), *(str(part) for part in arguments)],
            env=self._target.environment() | token,
            capture_output=True,
            text=True,
            preexec_fn=processes.die_with_this_process(signal.SIGKILL),
        )


def _version(name):
    path = postgres_program(name) if name == "postgres" else name
    said = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
    return said.strip()
