"""Plain HTTP load on one server, and what it cost that server."""

import re
import subprocess

from shop.ports import LOOPBACK
from shop.processes import cpu_seconds, die_with_this_process
from shop.trouble import Trouble

CONNECTIONS = 64
SECONDS = 5
WARM_SECONDS = 1


def requests_per_second(shop, name, port, path, *, token=None):
    """(per second, per second of CPU time that the process `name` used)."""
    _run(port, path, token, WARM_SECONDS)
    pid = shop.launcher.pid(name)
    before = cpu_seconds(pid)
    answered, seconds = parse(_run(port, path, token, SECONDS))
    used = cpu_seconds(pid) - before
    return answered / seconds, answered / used


def parse(text):
    """(requests, seconds) of what wrk printed; Trouble if an answer was not a 2xx."""
    total = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m)", text)
    if not total:
        raise Trouble(f"wrk said:\n{text}")
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: .*", text)
    if bad:
        raise Trouble(f"wrk had answers that are none: {bad.group(0)}")
    unit = {"ms": 0.001, "s": 1, "m": 60}[total.group(3)]
    return int(total.group(1)), float(total.group(2)) * unit


def _run(port, path, token, seconds):
    command = ["wrk", "-t", "1", "-c", CONNECTIONS, "-d", f"{seconds}s"]
    if token:
        command += ["-H", f"Authorization: Bearer {token}"]
    command.append(f"http://{LOOPBACK}:{port}{path}")
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        preexec_fn=die_with_this_process(9),
    )
    if done.returncode != 0:
        raise Trouble(f"wrk ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout
