"""Which k6 runs: the one in PATH, or the pinned one, built from its Go module."""

import os
import re
import shutil
import subprocess

from shop.state_folder import CHECKOUT
from shop.terminal import Step
from shop.trouble import Trouble

VERSION = "v1.8.1"
MODULE = f"go.k6.io/k6@{VERSION}"
GO_MINOR_OLDEST = 24
BUILD_SECONDS_MAX = 1800
BUILT = CHECKOUT / "build" / "tools" / "k6"

HOW_TO_INSTALL = f"""\
k6 is not in PATH, and there is no Go 1.{GO_MINOR_OLDEST} or newer to build it with. Either install
  k6   https://grafana.com/docs/k6/latest/set-up/install-k6/, or
  Go   https://go.dev/dl/; then this command builds {MODULE} by itself."""


def k6_program():
    found = shutil.which("k6")
    if found:
        return found
    if not (BUILT.exists() and VERSION in version_of(BUILT)):
        _build()
    return str(BUILT)


def version_of(program):
    """As k6 says it, without the platform: `k6 v1.8.1`."""
    answer = subprocess.run([str(program), "version"], capture_output=True, text=True)
    match = re.search(r"k6\S* v\S+", answer.stdout)
    return match.group(0) if match else answer.stdout.strip()


def _build():
    go = _recent_go()
    if go is None:
        raise Trouble(HOW_TO_INSTALL)
    BUILT.parent.mkdir(parents=True, exist_ok=True)
    with Step(f"builds {MODULE}, once"):
        environment = os.environ | {"GOBIN": str(BUILT.parent), "GOFLAGS": "-trimpath"}
        done = subprocess.run(
            [go, "install", MODULE],
            env=environment,
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS_MAX,
        )
    if done.returncode != 0:
        raise Trouble(f"k6 could not be built:\n{done.stderr.strip()[-2000:]}")


def _recent_go():
    for candidate in (shutil.which("go"), "/usr/local/go/bin/go"):
        if not candidate or not os.path.exists(candidate):
            continue
        said = subprocess.run([candidate, "env", "GOVERSION"], capture_output=True, text=True)
        match = re.match(r"go1\.(\d+)", said.stdout)
        if match and int(match.group(1)) >= GO_MINOR_OLDEST:
            return candidate
    return None
