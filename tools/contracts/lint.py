"""Redocly's rules on the contracts: the pinned npm package is installed into build/tools/contracts
when its pins have changed; after that no network is needed."""

import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from contracts.contract import ENDING, FOLDER, ROOT
from manifests import toolbox
from shop.terminal import Step
from shop.trouble import Trouble

SOURCE = ROOT / "tools" / "contracts" / "lint"
CONFIG = ROOT / "tools" / "contracts" / "redocly.yaml"
INSTALLED = ROOT / "build" / "tools" / "contracts" / "lint"
STAMP = INSTALLED / "made-from"
# What the pinned package asks for; Debian 12 has Node 18.20.
NODE_OLDEST = (18, 17)
INSTALL_SECONDS_MAX = 300
LINT_SECONDS_MAX = 120


def problems(paths):
    """A line for each finding in these files."""
    node = _node()
    _install()
    said = _run([node, INSTALLED / "lint.mjs", CONFIG, *paths], LINT_SECONDS_MAX, INSTALLED)
    findings = json.loads(said)
    return sorted(
        f"{Path(each['file']).name}:{each['line']}: {each['message']} [{each['rule']}]"
        for each in findings
    )


def _node():
    node = shutil.which("node")
    if not node or not shutil.which("npm"):
        raise toolbox.Skipped("it needs node and npm (Debian's packages nodejs and npm)")
    said = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    found = re.match(r"v(\d+)\.(\d+)", said)
    if not found or (int(found[1]), int(found[2])) < NODE_OLDEST:
        wanted = ".".join(map(str, NODE_OLDEST))
        raise toolbox.Skipped(f"it needs node {wanted} or newer, and this is {said.strip()}")
    return node


def _install():
    sources = sorted(SOURCE.iterdir())
    wanted = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    shutil.rmtree(INSTALLED, ignore_errors=True)
    INSTALLED.mkdir(parents=True)
    for path in sources:
        shutil.copyfile(path, INSTALLED / path.name)
    with Step("installs the lint of contracts"):
        # No package's own scripts are run.
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        _run(command, INSTALL_SECONDS_MAX, INSTALLED)
    STAMP.write_text(wanted)


def _run(command, seconds, folder):
    command = [str(part) for part in command]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise Trouble(f"`{' '.join(command)}` took more than {seconds} s") from None
    if done.returncode != 0:
        raise Trouble(f"`{' '.join(command)}` failed: {(done.stderr or done.stdout)[-1500:]}")
    return done.stdout


# -- self-test -------------------------------------------------------------------------------------

# (what is in the contract of echo, what is put there instead, the rule that must find it)
PLANTED = (
    ("      path: /api/v1/echo\n", "      path: 1\n", "no-invalid-schema-examples"),
    ("        method: POST\n", "", "no-invalid-schema-examples"),
    ("schemas/Mirror' }", "schemas/Miror' }", "no-unresolved-refs"),
    ("required: [method, path,", "required: [method, pat,", "no-required-schema-properties"),
    ("application/problem+json", "text/plain", "operation-4xx-problem-details-rfc7807"),
    ("operationId: echoPost", "operationId: echoGet", "operation-operationId-unique"),
    ("      summary: The GET", "      sumary: The GET", "struct"),
)


def failures():
    text = (FOLDER / f"echo{ENDING}").read_text(encoding="utf-8")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, (present, planted, _) in enumerate(PLANTED):
            if present not in text:
                found.append(f"can't be planted: {present!r}")
            paths.append(Path(folder, f"{number}{ENDING}"))
            paths[-1].write_text(text.replace(present, planted, 1), encoding="utf-8")
        said = problems(paths)
    for path, (_, planted, rule) in zip(paths, PLANTED):
        here = [each for each in said if each.startswith(f"{path.name}:")]
        if not any(f"[{rule}" in each for each in here):
            found.append(f"not found: {rule} ({planted!r}); said: {here}")
    return found
