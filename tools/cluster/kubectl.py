"""kubectl as a function: its output, or a Trouble that says what to do."""

import json
import os
import signal
import subprocess
from pathlib import Path

from cluster.kubectl_program import kubectl_command
from shop import processes
from shop.trouble import Trouble

NAMESPACE = "ecommerce"
ANSWER_SECONDS = 60
REACH_SECONDS = 10
NOT_REACHED = (
    "was refused",
    "no such host",
    "i/o timeout",
    "Unable to connect to the server",
    "connection reset",
    "no route to host",
    "TLS handshake timeout",
    "deadline exceeded",
)
K3S_CONFIGURATION = Path("/etc/rancher/k3s/k3s.yaml")
INSIDE_A_POD = "KUBERNETES_SERVICE_HOST"
HOW_TO_NAME_A_CLUSTER = (
    "Set KUBECONFIG to the file of your cluster; k3s writes /etc/rancher/k3s/k3s.yaml, which only"
    " root may read (copy it to ~/.kube/config)."
)
# A quota's refusal says "forbidden: exceeded quota".
NO_RIGHTS = 'forbidden: User "'
WHICH_RIGHTS = (
    "The shop needs an account that may make a namespace and all that is in one, and list the"
    " cluster's namespaces, volumes and nodes: k3s's own file has such a one."
)
NOT_ALLOWED = ("Unauthorized", "must be logged in", "certificate signed by unknown authority")


class NotFound(Trouble):
    """The object that was asked for isn't there."""


class Kubectl:
    """One namespace of the cluster that KUBECONFIG names."""

    def __init__(self, namespace=None):
        self.namespace = namespace or os.environ.get("NAMESPACE", NAMESPACE)
        self._command = kubectl_command()
        self._environment = os.environ | cluster_access()

    def run(self, *arguments, input=None, timeout=ANSWER_SECONDS):
        """Its standard output. `input` goes to its standard input: the way for secrets."""
        done = self.attempt(*arguments, input=input, timeout=timeout)
        if done.returncode != 0:
            raise trouble_of(done.stderr.strip() or done.stdout.strip(), arguments)
        return done.stdout

    def attempt(self, *arguments, input=None, timeout=ANSWER_SECONDS):
        """The finished process, whatever its exit code."""
        try:
            return subprocess.run(
                self.command(*arguments),
                input=input,
                stdin=subprocess.DEVNULL if input is None else None,
                capture_output=True,
                text=True,
                errors="replace",
                env=self._environment,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            said = f"{timeout} s were not enough for `kubectl {' '.join(map(str, arguments[:3]))}`"
            raise Trouble(f"{said}: does the cluster answer?") from None

    def json(self, *arguments, input=None, timeout=ANSWER_SECONDS):
        return json.loads(self.run(*arguments, "--output=json", input=input, timeout=timeout))

    def items(self, *arguments):
        """The objects of a list: `items("pods", "--selector=...")`."""
        return self.json("get", *arguments)["items"]

    def find(self, *arguments):
        """One object, or None if it isn't there: `find("secret", "common")`."""
        try:
            return self.json("get", *arguments)
        except NotFound:
            return None

    def start(self, *arguments, **options):
        """A kubectl that goes on: a forwarded port, a log. It ends with this process."""
        return subprocess.Popen(
            self.command(*arguments),
            stdin=subprocess.DEVNULL,
            env=self._environment,
            start_new_session=True,  # Ctrl-C is this command's to answer, not kubectl's
            preexec_fn=processes.die_with_this_process(signal.SIGKILL),
            **options,
        )

    def command(self, *arguments):
        return [*self._command, f"--namespace={self.namespace}", *map(str, arguments)]

    def require_cluster(self):
        """Early and with a short limit: everything else would fail with it."""
        limit = f"--request-timeout={REACH_SECONDS}s"
        return self.json("version", limit, timeout=2 * REACH_SECONDS)["serverVersion"]["gitVersion"]


def cluster_access():
    """Without a file, or with one that isn't there, kubectl asks localhost:8080, where something
    quite different may listen: that is found out first. Returns variables to add."""
    named = os.environ.get("KUBECONFIG", "")
    files = [Path(one) for one in named.split(os.pathsep) if one]
    if not files:
        return default_access()
    present = [file for file in files if file.exists()]
    if not present:
        raise Trouble(f"KUBECONFIG={named}: there is no such file. {HOW_TO_NAME_A_CLUSTER}")
    if not any(os.access(file, os.R_OK) for file in present):
        raise Trouble(f"KUBECONFIG={named}: this user may not read it. {HOW_TO_NAME_A_CLUSTER}")
    return {}


def default_access():
    """What kubectl takes by itself; then k3s's own file, which only k3s's kubectl knows."""
    if (Path.home() / ".kube" / "config").exists() or INSIDE_A_POD in os.environ:
        return {}
    if os.access(K3S_CONFIGURATION, os.R_OK):
        return {"KUBECONFIG": str(K3S_CONFIGURATION)}
    raise Trouble(f"no cluster is named. {HOW_TO_NAME_A_CLUSTER}")


def trouble_of(said, arguments):
    if "(NotFound)" in said:
        return NotFound(said)
    if "couldn't get current server API group list" in said:
        said = said.splitlines()[-1]
    if NO_RIGHTS in said:
        return Trouble(f"these credentials have too few rights: {said}\n{WHICH_RIGHTS}")
    if any(mark in said for mark in NOT_REACHED):
        return Trouble(f"no cluster answers: {said}\n{HOW_TO_NAME_A_CLUSTER}")
    if any(mark in said for mark in NOT_ALLOWED):
        return Trouble(f"the cluster refuses these credentials: {said}\n{HOW_TO_NAME_A_CLUSTER}")
    return Trouble(f"`kubectl {' '.join(map(str, arguments[:3]))}` failed: {said}")
