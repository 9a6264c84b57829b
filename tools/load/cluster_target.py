"""The shop of a cluster: stormed through its ingress, as its customers would."""

import re
import subprocess

from cluster.cluster_shop import ClusterShop
from cluster.kubectl import Kubectl
from load.cluster_ceiling import ClusterCeiling
from load.cluster_meter import CONTROLLER, NAME, ClusterMeter
from load.pod_cgroups import processes_called
from load.target import POSTGRES_SETTINGS
from shop.trouble import Trouble

ROOMS = ("gateway", "order", "auth", "product", "echo", "payment")
NEIGHBOURS = {
    "postgres": "PostgreSQL",
    "redis": "Redis",
    "redis-sentinel": "sentinels",
    "redis-primary": "redis-primary",
}
PART_OF = "app.kubernetes.io/part-of=doorbuster"
ANSWER_SECONDS = 10
UNKNOWN_VERSION = "of unknown version"
# In the pod, which has the password as a file: it is on no command line and in no answer.
ASK_POSTGRES = """\
PGPASSWORD=$(cat /run/secrets/postgres-admin/password) exec psql --host=127.0.0.1 \\
    --username=doorbuster_admin --dbname=doorbuster --no-psqlrc --tuples-only --no-align \\
    --command="$1"
"""


class ClusterTarget:
    report_name = "flash_sale-cluster"
    command = "make load CLUSTER=1"
    # The ceiling is the ingress controller's more than k6's: to come near it is what is promised.
    ceiling_share_max = None
    has_promises = True

    def __init__(self, folder):
        self._kubectl = Kubectl()
        self._kubernetes = self._kubectl.require_cluster()
        self._shop = ClusterShop(self._kubectl)
        self._meter = ClusterMeter(self._kubectl)
        self.url = self._shop.url
        self.folder = folder

    def start(self):
        missing = [name for name in ROOMS if self._shop.ready(name) == 0]
        if missing:
            raise Trouble(f"no pod of {', '.join(missing)} is ready: run `make deploy` first")
        self._shop.start()

    def stop(self):
        self._shop.stop()

    def ceiling(self, folder):
        return ClusterCeiling(self._kubectl, self._meter, self.url, folder)

    def environment(self):
        self._shop.ensure_postgres()
        return self._shop.operator_environment()

    def cpu_seconds(self):
        return self._meter.read()

    def versions(self):
        return {
            "PostgreSQL": self._said("statefulset/postgres", "postgres --version"),
            "Redis": self._said("statefulset/redis", "redis-server --version"),
            "HAProxy": self._said("deployment/redis-primary", "haproxy -v").partition("\n")[0],
            "Kubernetes": self._kubernetes,
            **self._runtime(),
            "Traefik": self._traefik(),
        }

    def topology(self):
        nodes = len(self._nodes())
        where = f"pods of a Kubernetes of {nodes} node{'s'[: nodes != 1]}"
        k6 = "k6 runs on the node too" if self._meter.is_on_a_node() else "k6 runs elsewhere"
        found = {"where": f"{where}, entered through its ingress controller; {k6}"}
        for name, what in ({name: name for name in ROOMS} | NEIGHBOURS).items():
            count = self._shop.ready(name)
            found[what] = f"{count} pod{'s'[: count != 1]}"
        return found

    def limits(self):
        names = ", ".join(f"'{name}'" for name in POSTGRES_SETTINGS)
        answer = self._kubectl.run(
            *("exec", "statefulset/postgres", "--", "sh", "-c", ASK_POSTGRES, "sh"),
            f"select name, current_setting(name) from pg_settings where name in ({names})",
        )
        return {
            "PostgreSQL": dict(line.split("|", 1) for line in answer.splitlines() if line),
            "pods": self._resources(),
            "rooms": self._kubectl.json("get", "configmap", "common")["data"],
        }

    def _resources(self):
        """Requests and limits of one pod of each kind that runs."""
        found = {}
        running = ("pods", f"--selector={PART_OF}", "--field-selector=status.phase=Running")
        for pod in self._kubectl.items(*running):
            name = pod["metadata"]["labels"][NAME]
            for container in pod["spec"]["containers"]:
                found.setdefault(name, {})[container["name"]] = container.get("resources", {})
        return found

    def _runtime(self):
        info = self._nodes()[0]["status"]["nodeInfo"]
        name, _, version = info["containerRuntimeVersion"].partition("://")
        return {name: version}

    def _nodes(self):
        return self._kubectl.items("nodes")

    def _said(self, pod, command):
        return self._kubectl.run("exec", pod, "--", "sh", "-c", f"{command} 2>&1").strip()

    def _traefik(self):
        """A pod on k3s; elsewhere perhaps a process of this machine."""
        selector = f"--selector={NAME}={CONTROLLER}"
        for pod in self._kubectl.items("pods", "--all-namespaces", selector):
            return pod["spec"]["containers"][0]["image"].rpartition(":")[2]
        for pid in processes_called((CONTROLLER,)):
            command = [f"/proc/{pid}/exe", "version"]
            said = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_SECONDS)
            match = re.search(r"^Version:\s*(\S+)", said.stdout, re.MULTILINE)
            return match.group(1) if match else UNKNOWN_VERSION
        return UNKNOWN_VERSION
