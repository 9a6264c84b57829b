"""The pinned graders: installed from the Python index or built from Go modules into
build/tools/manifests when their pins have changed; after that no network is needed."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from shop.terminal import Step
from shop.trouble import Trouble

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tools" / "manifests"
FOLDER = ROOT / "build" / "tools" / "manifests"
PYTHON_FOLDER = FOLDER / "python"
PROGRAMS = FOLDER / "go"
REQUIREMENTS = HERE / "requirements.txt"
INSTALL_SECONDS_MAX = 600
BUILD_SECONDS_MAX = 900
ANSWER_SECONDS = 60
# What ctest is told to take for a test that wasn't run (SKIP_RETURN_CODE).
SKIPPED_STATUS = 77
WHAT_PYTHON_NEEDS = (
    "This needs python3-venv (./install-dependencies.sh installs it) and a package index that pip"
    " reaches, or PIP_FIND_LINKS with a folder of wheels."
)
CRDS_MODULE = "github.com/cloudnative-pg/cloudnative-pg"
CRDS_VERSION = "v1.28.1"


@dataclass(frozen=True)
class GoTool:
    """`go_minor` is the oldest Go 1.x that its go.mod accepts."""

    name: str
    module: str
    version: str
    go_minor: int

    def wanted(self):
        return f"{self.module}@{self.version}"


GO_TOOLS = (
    GoTool("kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform", "v0.8.0", 26),
    GoTool("kube-score", "github.com/zegl/kube-score/cmd/kube-score", "v1.20.0", 23),
    GoTool("actionlint", "github.com/rhysd/actionlint/cmd/actionlint", "v1.7.12", 25),
    # Of the contracts, which are graded in the same way.
    GoTool("oasdiff", "github.com/oasdiff/oasdiff", "v1.37.0", 26),
)
POD_SECURITY_GO_MINOR = 24
CRDS_GO_MINOR = 25


class Skipped(Exception):
    """A grader that can't be had here; the message says why."""


def exit_status(failures, skipped):
    """Nothing found by graders that didn't run is no success."""
    if failures:
        return 1
    return SKIPPED_STATUS if skipped else 0


def said_by(done):
    """Some programs, pip and venv among them, tell their errors on standard output."""
    parts = (done.stdout.strip(), done.stderr.strip())
    said = "\n".join(part[-1500:] for part in parts if part)
    return said or f"exit status {done.returncode}"


def in_own_python():
    return Path(sys.prefix).resolve() == PYTHON_FOLDER.resolve()


def own_python():
    """The interpreter of the virtual environment, which is made first if need be."""
    wanted = _hash(REQUIREMENTS.read_bytes())
    python = PYTHON_FOLDER / "bin" / "python"
    if in_own_python() and _stamp(PYTHON_FOLDER) == wanted:
        return python
    if not (_stamp(PYTHON_FOLDER) == wanted and _works(python)):
        with Step("installs the graders from the Python index"):
            make = [sys.executable, "-m", "venv", "--clear", PYTHON_FOLDER]
            _run(make, INSTALL_SECONDS_MAX, WHAT_PYTHON_NEEDS)
            _run(
                [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
                + ["--requirement", REQUIREMENTS],
                INSTALL_SECONDS_MAX,
                WHAT_PYTHON_NEEDS,
            )
        _set_stamp(PYTHON_FOLDER, wanted)
    return python


def _works(python):
    """Not after the system's Python that it was made from has become another version."""
    if not python.exists():
        return False
    return subprocess.run([python, "-c", "import yaml"], capture_output=True).returncode == 0


def python_program(name):
    return str(PYTHON_FOLDER / "bin" / name)


def go_program(name):
    """The path of one of GO_TOOLS, built first if need be."""
    tool = next(each for each in GO_TOOLS if each.name == name)
    program = PROGRAMS / tool.name / tool.name
    if not (program.exists() and _stamp(program.parent) == tool.wanted()):
        go = _go(tool.go_minor)
        with Step(f"builds {tool.name} {tool.version}"):
            program.parent.mkdir(parents=True, exist_ok=True)
            _run(
                [go, "install", "-trimpath", "-ldflags=-s", "-buildvcs=false", tool.wanted()],
                BUILD_SECONDS_MAX,
                GOBIN=str(program.parent),
            )
        _set_stamp(program.parent, tool.wanted())
    return str(program)


def pod_security_program():
    """Ours, around the admission code of Kubernetes itself."""
    source = HERE / "pod_security"
    wanted = _hash(*(path.read_bytes() for path in sorted(source.iterdir())))
    program = PROGRAMS / "pod_security" / "pod_security"
    if not (program.exists() and _stamp(program.parent) == wanted):
        go = _go(POD_SECURITY_GO_MINOR)
        with Step("builds the Pod Security check"):
            program.parent.mkdir(parents=True, exist_ok=True)
            _run(
                [go, "build", "-C", source, "-mod=readonly", "-trimpath", "-ldflags=-s"]
                + ["-buildvcs=false", "-o", program],
                BUILD_SECONDS_MAX,
            )
        _set_stamp(program.parent, wanted)
    return str(program)


def custom_resource_definitions():
    """The folder with CloudNativePG's own, copied out of its Go module."""
    folder = FOLDER / "custom-resources"
    wanted = f"{CRDS_MODULE}@{CRDS_VERSION}"
    if _stamp(folder) != wanted:
        go = _go(CRDS_GO_MINOR)
        with Step(f"fetches the schemas of CloudNativePG {CRDS_VERSION}"):
            said = _run([go, "mod", "download", "-json", wanted], INSTALL_SECONDS_MAX)
            source = Path(re.search(r'"Dir": "(.*)"', said).group(1), "config", "crd", "bases")
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            for path in source.glob("*.yaml"):
                shutil.copyfile(path, folder / path.name)
        _set_stamp(folder, wanted)
    return folder


def _go(minor):
    found = []
    for candidate in (shutil.which("go"), "/usr/local/go/bin/go"):
        if candidate and os.path.exists(candidate):
            said = subprocess.run(
                [candidate, "env", "GOVERSION"], capture_output=True, text=True, env=_environment()
            ).stdout
            match = re.match(r"go1\.(\d+)", said)
            if match and int(match.group(1)) >= minor:
                return candidate
            found.append(said.strip())
    has = f"found only {', '.join(found)}" if found else "there is no Go"
    raise Skipped(f"it is built with Go 1.{minor} or newer, and {has} (https://go.dev/dl/)")


def _environment(**more):
    """Never a toolchain that Go would fetch by itself, nor a workspace around the checkout."""
    return {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off", **more}


def _run(command, seconds, advice="", **environment):
    """Nice, so that a build doesn't disturb what is measured beside it."""
    environment = _environment(**environment)
    environment.pop("PYTHONPATH", None)
    command = ["nice", "-n", "10", *(str(part) for part in command)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, env=environment
        )
        problem = None if done.returncode == 0 else said_by(done)
    except subprocess.TimeoutExpired:
        problem = f"it took more than {seconds} s"
    if problem is not None:
        raise Trouble(f"`{' '.join(command[3:])}` failed: {problem}\n{advice}".rstrip())
    return done.stdout


def _hash(*parts):
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _stamp(folder):
    path = folder / "made-from"
    return path.read_text(encoding="utf-8") if path.exists() else None


def _set_stamp(folder, wanted):
    (folder / "made-from").write_text(wanted, encoding="utf-8")
