"""The processes of pods as the node's kernel shows them; only where the node is this machine."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

from shop.processes import read_status
from shop.trouble import Trouble

# Each with the Debian package that has it.
PROGRAMS = {"ip": "iproute2", "conntrack": "conntrack", "nsenter": "util-linux"}
CONTAINERD_CLIENTS = (["ctr"], ["k3s", "ctr"])


def why_not(kubectl):
    """Why the cluster's processes and flows can't be seen from here; empty if they can."""
    if os.getuid() != 0:
        return "needs root"
    missing = [package for name, package in PROGRAMS.items() if not shutil.which(name)]
    if missing:
        return f"programs are missing: apt-get install {' '.join(missing)}"
    if containerd_client() is None:
        return "neither ctr (of containerd) nor k3s is there"
    nodes = kubectl.json("get", "nodes")["items"]
    addresses = [
        address["address"]
        for node in nodes
        for address in node["status"]["addresses"]
        if address["type"] == "InternalIP"
    ]
    elsewhere = sorted(set(addresses) - own_addresses())
    return f"the nodes {', '.join(elsewhere)} are not this machine" if elsewhere else ""


def containerd_client():
    """The command that speaks to containerd; None where there is none."""
    return next((words for words in CONTAINERD_CLIENTS if shutil.which(words[0])), None)


def own_addresses():
    listed = subprocess.run(
        ["ip", "-json", "address"], capture_output=True, text=True, check=True
    ).stdout
    return {
        address["local"] for link in json.loads(listed) for address in link.get("addr_info", [])
    }


def first_process(pod):
    """The host's number of the process that is number 1 in the pod's (only) container."""
    if not pod.container_ids:
        raise Trouble(f"{pod.name} has no container yet")
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _is_first_of(entry, pod.container_ids[0]):
            return int(entry.name)
    raise Trouble(f"no process of {pod.name} is to be seen on this machine")


def _is_first_of(entry, container):
    try:
        if container not in (entry / "cgroup").read_text():
            return False
        status = (entry / "status").read_text()
    except OSError:
        return False
    numbers = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[1:]
    return len(numbers) > 1 and numbers[-1] == "1"


def containerd_address(pod):
    """The socket of the containerd that runs the pod, from the command line of its shim."""
    shim = read_status(first_process(pod)).parent
    words = Path(f"/proc/{shim}/cmdline").read_text().split("\0")
    return words[words.index("-address") + 1]


def resolvers(pod):
    """The name servers that the pod was given."""
    text = Path(f"/proc/{first_process(pod)}/root/etc/resolv.conf").read_text()
    return [line.split()[1] for line in text.splitlines() if line.startswith("nameserver")]


def kill(pod):
    os.kill(first_process(pod), signal.SIGKILL)


class Stopped:
    """`with Stopped(pod): ...`: its process does nothing meanwhile, and goes on afterwards."""

    def __init__(self, pod):
        self._process = first_process(pod)

    def __enter__(self):
        os.kill(self._process, signal.SIGSTOP)
        return self

    def __exit__(self, kind, error, trace):
        try:
            os.kill(self._process, signal.SIGCONT)
        except ProcessLookupError:
            pass  # the kubelet has ended it: its liveness probe got no answer


def ask_from(pod, script, *arguments, input=None, timeout=15):
    """Runs a Python script of this machine in the pod's network; its standard output."""
    done = subprocess.run(
        ["nsenter", f"--net=/proc/{first_process(pod)}/ns/net", "/usr/bin/python3", "-c", script]
        + [str(argument) for argument in arguments],
        input=input,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if done.returncode != 0:
        raise Trouble(f"from {pod.name}: {done.stderr.strip()[-500:]}")
    return done.stdout
