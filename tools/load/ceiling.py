"""An nginx that answers every purchase and every payment at once, in the gateway's place: what k6
gets from it is the most that k6 can show on this machine, whatever stands behind the address."""

import shutil
import subprocess

from shop import processes
from shop.ports import LOOPBACK, random_free
from shop.rooms import answers_ok
from shop.state_folder import write_private
from shop.trouble import Trouble
from shop.waiting import wait_until

NAME = "ceiling"
READY_SECONDS = 10
GRACE_SECONDS = 5
HOW_TO_INSTALL = "nginx is missing: as root, apt-get install nginx-light (it need not run)"

ORDER = (
    '{"order_id":"01900000-0000-7000-8000-000000000001",'
    '"sale_id":"01900000-0000-7000-8000-000000000002",'
    '"product_id":"01900000-0000-7000-8000-000000000003","quantity":1,"unit_price_cents":4950,'
    '"currency":"EUR","state":"%s","seq":1,"pos":1,"expires_at":"2030-01-01T00:00:00.000Z"}'
)

SETTINGS = """\
daemon off;
master_process on;
worker_processes auto;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    server_tokens off;
    keepalive_requests 1000000000;
    default_type application/json;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen {address}:{port} backlog=4096;
        location ~ ^/api/v1/flash-sales/[^/]+/orders$ {{ return 201 '{reserved}'; }}
        location ~ ^/api/v1/orders/[^/]+/pay$ {{ return 200 '{paid}'; }}
        location = /readyz {{ return 200 '{{}}'; }}
    }}
}}
"""


class Ceiling:
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
        write_private(
            settings,
            SETTINGS.format(
                folder=self._folder,
                address=LOOPBACK,
                port=self._port,
                reserved=ORDER % "reserved",
                paid=ORDER % "paid",
            ),
        )
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
