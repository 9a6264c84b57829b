"""The deployed shop as tests use it, and whatever is needed to break and to watch it."""

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter

from database import Database
from disruption import Disruption
from flow_recorder import FlowRecorder
from host_processes import why_not
from pod_watch import PodWatch
from prober import Prober
from redis_pods import RedisPods
from shop_under_test import ShopUnderTest

from cluster.cluster_shop import ClusterShop
from cluster.kubectl import Kubectl
from cluster.port_forward import PortForward
from shop import processes
from shop.ports import LOOPBACK
from shop.state_folder import CHECKOUT, write_private
from shop.terminal import say
from shop.trouble import Trouble
from shop.waiting import wait_until

COMMAND_SECONDS = 600
HEALTH_PORT = 9080
STOPPED = "STOPPED"
# How many pods of each kind there are at least.
WORKLOADS = {
    "gateway": 2, "echo": 2, "auth": 2, "product": 2, "order": 2, "payment": 1,
    "postgres": 1, "redis": 3, "redis-sentinel": 3, "redis-primary": 2,
}  # fmt: skip


def bring_up_cluster():
    """`$CLUSTER_COMMAND up` where that is set; what takes it down again, if it was down before."""
    command = os.environ.get("CLUSTER_COMMAND")
    if not command:
        return lambda: None
    words = shlex.split(command)
    was_up = cluster_status(words).returncode == 0
    say(f"  the cluster is {'up already' if was_up else 'brought up'}: {command} up")

    def take_down():
        if not was_up:
            say(f"  the cluster is taken down: {command} down")
            subprocess.run([*words, "down"], check=False)

    try:
        os.environ["KUBECONFIG"] = up(words)
        require_all_parts(words)
    except BaseException:
        take_down()
        raise
    return take_down


def require_all_parts(words):
    """An `up` that writes configurations anew may end what reads them: kube-proxy does so."""
    if parts := stopped_parts(words):
        say(f"  {'; '.join(parts)}: once more {shlex.join(words)} up")
        up(words)
    if parts := stopped_parts(words):
        raise Trouble(f"`{shlex.join(words)} up` left stopped: {'; '.join(parts)}")


def up(words):
    """The file for KUBECONFIG, which is the last that the command prints."""
    done = subprocess.run([*words, "up"], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Trouble(f"`{shlex.join(words)} up` ended with {done.returncode}")
    return done.stdout.split()[-1]


def cluster_status(words):
    return subprocess.run([*words, "status"], capture_output=True, text=True, check=False)


def stopped_parts(words):
    lines = cluster_status(words).stdout.splitlines()
    return [line.strip() for line in lines if STOPPED in line]


class ClusterUnderTest(ShopUnderTest):
    """`shop` is a ClusterShop; sales, requests, audit and crowd are those of ShopUnderTest."""

    def __init__(self, folder):
        super().__init__(shop=None, folder=folder)
        self.kubectl = Kubectl()
        self.kubectl.require_cluster()
        self.why_not_node = why_not(self.kubectl)
        self.pods = PodWatch(self.kubectl)
        self.disruption = Disruption(self.kubectl, self.pods)
        self.flows = FlowRecorder(self.pods)
        self.redis = RedisPods(self.kubectl, self.pods)
        self.database = Database(self.kubectl)
        self.prober = None
        self._to_stop = contextlib.ExitStack()

    def start(self):
        self._to_stop.callback(self.close)
        self._to_stop.callback(self.pods.stop)
        self.pods.start()
        if not self.why_not_node:
            self._to_stop.callback(self.flows.stop)
            self.flows.start()

    def stop(self):
        """All of it, whatever goes wrong: the secrets' folder has to go."""
        self._to_stop.close()

    def open(self):
        """Once the shop is deployed: its secrets as files, a way to its database, a product."""
        self.close()
        self.shop = ClusterShop(self.kubectl)
        self.shop.start()
        self.forget_people()
        self.product_id = self.make_product(stock=50_000_000)

    def close(self):
        if self.shop:
            self.shop.stop()
            self.shop = None

    def start_prober(self):
        if self.prober is None:
            self.prober = Prober(self.address(), self._register)
            self._to_stop.callback(self.prober.stop)
            self.prober.start()

    def _register(self, email, password):
        body = {"email": email, "password": password}
        made = self.request("POST", "/api/v1/auth/register", body=body)
        assert made.status == 201, made

    def customer_known(self):
        """Somebody whose token was made before, while the database is away."""
        return self._next_person()

    def address(self, room=None):
        assert room is None, "rooms are reached through the ingress only"
        parts = urllib.parse.urlsplit(self.shop.url)
        return parts.hostname, parts.port or 80

    def audit(self, log=None):
        self.shop.ensure_postgres()
        return super().audit(log)

    def audit_restored(self):
        """Of the database that restore-check has made; Trouble if an invariant is broken."""
        url = self.shop.forwarded(self.shop.secret("auditor-database", "url"))
        parts = urllib.parse.urlsplit(url)
        file = self.folder / "restored-database-url"
        write_private(file, parts._replace(path=parts.path + "_restored").geturl())
        self.shop.command("audit", "--json", AUDIT_DATABASE_URL_FILE=str(file))

    def wait_whole(self, seconds=120):
        """Until every pod that should be there serves, none is going, and Redis could fail over."""

        def complete(pods):
            serving = Counter(pod.kind for pod in pods if pod.is_serving())
            return all(serving[kind] >= count for kind, count in WORKLOADS.items()) and not any(
                pod.is_ending for pod in pods
            )

        self.pods.wait(complete, seconds, "the shop is whole")
        why = ""

        def redis_is_whole():
            nonlocal why
            why = self.redis.why_not_whole()
            return not why

        try:
            wait_until(redis_is_whole, seconds, what="Redis is whole")
        except Trouble as trouble:
            raise Trouble(f"{trouble}: {why}") from None

    # -- tools/deploy.py -------------------------------------------------------------------------

    def deploy(self, *arguments, fails=False, **environment):
        """tools/deploy.py, its output shown as it comes; what it said. It may take COMMAND_SECONDS,
        and ends with this process."""
        command = [sys.executable, CHECKOUT / "tools" / "deploy.py", *arguments]
        process = subprocess.Popen(
            [str(part) for part in command],
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=processes.die_with_this_process(signal.SIGTERM),
        )
        too_long = threading.Timer(
            COMMAND_SECONDS, os.killpg, (process.pid, signal.SIGKILL)
        )
        too_long.start()
        lines = []
        try:
            for line in process.stdout:
                lines.append(line)
                say(f"    {line.rstrip()}")
            code = process.wait()
        finally:
            too_long.cancel()
            process.terminate()
            process.wait()
        said = "".join(lines)
        assert (code != 0) == fails, f"{' '.join(arguments)} ended with {code}:\n{said}"
        return said

    # -- what pods say ---------------------------------------------------------------------------

    def metrics(self, pod, port=HEALTH_PORT):
        """{name with labels: value} of one pod."""
        path = f"/api/v1/namespaces/{self.kubectl.namespace}/pods/{pod.name}:{port}/proxy/metrics"
        lines = self.kubectl.run("get", "--raw", path).splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def metric_of_all(self, kind, prefix):
        """The sum over a kind's pods of all its series that begin so."""
        return sum(
            value
            for pod in self.pods.serving(kind)
            for name, value in self.metrics(pod).items()
            if name.startswith(prefix)
        )

    def readiness(self, pod):
        """What a room's probe says; the API's own proxy would hide the words of a 503."""
        with PortForward(self.kubectl, f"pod/{pod.name}", HEALTH_PORT) as forward:
            try:
                with urllib.request.urlopen(f"http://{LOOPBACK}:{forward.port}/readyz") as answer:
                    return answer.read().decode()
            except urllib.error.HTTPError as refused:
                return refused.read().decode()

    def log(self, pod_name, *arguments):
        return self.kubectl.run("logs", pod_name, *arguments)

    def run_job(self, cron_job, seconds=120):
        """One run of a CronJob, waited for; its log."""
        name = f"{cron_job}-test-{int(time.time())}"
        self.kubectl.run("create", "job", f"--from=cronjob/{cron_job}", name)
        try:
            self._wait_job(name, seconds)
            return self.log(f"job/{name}")
        finally:
            self.kubectl.run("delete", "job", name, "--wait=false")

    def _wait_job(self, name, seconds):
        def ended(pods):
            return [
                pod for pod in pods
                if pod.labels.get("batch.kubernetes.io/job-name") == name and pod.is_finished
            ]  # fmt: skip

        last = self.pods.wait(ended, seconds, f"the Job {name} ends")[-1]
        if last.phase != "Succeeded":
            raise Trouble(f"the Job {name} failed:\n{self.log(last.name)[-2000:]}")

    def usage(self):
        """{pod: bytes of memory} as the metrics API has it; of pods it knows."""
        path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{self.kubectl.namespace}/pods"
        items = json.loads(self.kubectl.run("get", "--raw", path))["items"]
        return {
            item["metadata"]["name"]: sum(
                to_bytes(container["usage"]["memory"]) for container in item["containers"]
            )
            for item in items
        }


def to_bytes(quantity):
    for suffix, factor in (("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30)):
        if quantity.endswith(suffix):
            return int(quantity[: -len(suffix)]) * factor
    return int(quantity)
