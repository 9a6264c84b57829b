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
NOT_ALLOWED = ("Unauthorized", "must be logged in", "certificate signed by unknown authority")


class NotFound(Trouble):
    """The object that was asked for isn't there."""


class Kubectl:
    """One namespace of the cluster that KUBECONFIG names."""

    def __init__(self, namespace=None):
        self.namespace = namespace or os.environ.get("NAMESPACE", NAMESPACE)
        self._command = kubectl_command()
        require_kubeconfig_files()

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


def require_kubeconfig_files():
    """kubectl takes a file that isn't there for an empty one, and then asks localhost:8080."""
    named = os.environ.get("KUBECONFIG", "")
    files = [Path(one) for one in named.split(os.pathsep) if one]
    if files and not any(file.exists() for file in files):
        raise Trouble(f"KUBECONFIG={named}: there is no such file. {HOW_TO_NAME_A_CLUSTER}")
    for file in files:
        if file.exists() and not os.access(file, os.R_OK):
            raise Trouble(f"KUBECONFIG={named}: may not be read by this user")


HOW_TO_NAME_A_CLUSTER = (
    "Set KUBECONFIG to the file of your cluster; k3s writes /etc/rancher/k3s/k3s.yaml,"
    " which root may read."
)


def trouble_of(said, arguments):
    if "(NotFound)" in said:
        return NotFound(said)
    if "couldn't get current server API group list" in said:
        said = said.splitlines()[-1]
    if any(mark in said for mark in NOT_REACHED):
        return Trouble(f"no cluster answers: {said}\n{HOW_TO_NAME_A_CLUSTER}")
    if any(mark in said for mark in NOT_ALLOWED):
        return Trouble(f"the cluster refuses these credentials: {said}\n{HOW_TO_NAME_A_CLUSTER}")
    return Trouble(f"`kubectl {' '.join(map(str, arguments[:3]))}` failed: {said}")
