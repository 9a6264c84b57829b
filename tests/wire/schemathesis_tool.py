"""Schemathesis in a virtual environment of its own: build/tools/wire, made from
tools/requirements.txt when that has changed."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "tools" / "requirements.txt"
FOLDER = ROOT / "build" / "tools" / "wire"
STAMP = FOLDER / "made-from"
INSTALL_SECONDS = 300


class NoTool(Exception):
    """Says how to get it; the test fails with this, it never passes by skipping."""


def program():
    """The path of the pinned schemathesis, installed first if need be."""
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    found = FOLDER / "bin" / "schemathesis"
    if not (found.exists() and STAMP.exists() and STAMP.read_text() == wanted):
        _install()
        STAMP.write_text(wanted)
    return found


def _install():
    _run("make a virtual environment", [sys.executable, "-m", "venv", "--clear", FOLDER])
    pip = [FOLDER / "bin" / "python", "-m", "pip", "--disable-pip-version-check"]
    _run("install schemathesis", [*pip, "install", "--quiet", "--requirement", REQUIREMENTS])


def _run(what, command):
    try:
        done = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        )
        said = (done.stderr or done.stdout).strip()[-1500:] if done.returncode else None
    except subprocess.TimeoutExpired:
        said = f"it took more than {INSTALL_SECONDS} s"
    if said is not None:
        raise NoTool(
            f"could not {what}: {said}\n"
            f"The test of the wire needs python3-venv (./install-dependencies.sh installs it) and "
            f"a package index that pip reaches (or PIP_INDEX_URL, or PIP_FIND_LINKS with a folder "
            f"of wheels). Once {FOLDER} is made no network is needed."
        )
