"""An nginx that answers every purchase and every payment at once, in the gateway's place: what k6
gets from it is the most that k6 can show on this machine, whatever stands behind the address."""

import shutil
import subprocess

from shop import processes
from shop.ports import LOOPBACK, random_free
from shop.rooms import answers_ok
from shop.state_folder import CHECKOUT, write_private
from shop.trouble import Trouble
from shop.waiting import wait_until

NAME = "ceiling"
READY_SECONDS = 10
GRACE_SECONDS = 5
HOW_TO_INSTALL = "nginx is missing: as root, apt-get install nginx-light (it need not run)"

# The one that the pod of a cluster runs with.
SETTINGS = CHECKOUT / "infra" / "k8s" / "components" / "ceiling" / "nginx.conf"
LISTEN = "listen 8080 "


class Ceiling:
    """A process of this machine, for a shop that is one too."""

    def __init__(self, folder):
        self._folder = folder
        self._launcher = processes.Launcher(folder / "processes.json", bound=True)
        self._port = random_free(1)[0]
        self.url = f"http://{LOOPBACK}:{self._port}"

    def start(self):
        program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
        if not program:
            raise Trouble(HOW_TO_INSTALL)
        self._folder.mkdir(exist_ok=True)
        settings = self._folder / "nginx.conf"
        before, listen, after = SETTINGS.read_text().partition(LISTEN)
        if not listen:
            raise Trouble(f"{SETTINGS} has no line with {LISTEN!r} for another address")
        write_private(settings, f"{before}listen {LOOPBACK}:{self._port} {after}")
        log = self._folder / "nginx.log"
        command = [program, "-e", "stderr", "-p", self._folder, "-c", settings]
        self._launcher.start(NAME, command, log=log, environment={})
        wait_until(
            lambda: answers_ok(f"{self.url}/readyz"),
            READY_SECONDS,
            what="nginx answers",
            log=log,
            still_running=lambda: self._launcher.is_alive(NAME),
        )
        self.version = self._version(program)

    def cpu_seconds(self):
        return {"nginx": processes.cpu_seconds(self._launcher.pid(NAME))}

    def stop(self):
        self._launcher.stop([NAME], grace_seconds=GRACE_SECONDS)

    @staticmethod
    def _version(program):
        said = subprocess.run([program, "-v"], capture_output=True, text=True).stderr
        return said.partition("version: ")[2].strip()
