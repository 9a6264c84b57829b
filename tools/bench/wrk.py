"""Plain HTTP load on one server."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from shop.ports import LOOPBACK
from shop.processes import cpu_seconds, die_with_this_process
from shop.state_folder import write_private
from shop.trouble import Trouble

CONNECTIONS = 64
SECONDS = 5
WARM_SECONDS = 1
SCRIPT = Path(__file__).with_name("requests.lua")


@dataclass(frozen=True)
class Load:
    answered: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self):
        return self.answered / self.seconds


def requests_per_second(shop, name, port, path, *, token=None):
    """(per second, per second of CPU time that the process `name` used)."""
    run(port, path, token=token, seconds=WARM_SECONDS)
    pid = shop.launcher.pid(name)
    before = cpu_seconds(pid)
    load = run(port, path, token=token)
    used = cpu_seconds(pid) - before
    return load.per_second, load.answered / used


def write_requests(file, requests):
    """For `run`: (method, path, body or "") each. The file is private, as bodies may be secret."""
    write_private(file, "".join("\t".join(request) + "\n" for request in requests))
    return file


def run(port, path="/", *, token=None, requests=None, connections=CONNECTIONS, seconds=SECONDS):
    """`requests`: a file of `write_requests`, sent in turn instead of `path`."""
    command = ["wrk", "-t", "1", "-c", connections, "-d", f"{seconds}s", "--latency"]
    command += ["--timeout", "10s"]
    if token:
        command += ["-H", f"Authorization: Bearer {token}"]
    if requests:
        command += ["-s", SCRIPT]
    command.append(f"http://{LOOPBACK}:{port}{path}")
    if requests:
        command += ["--", requests]
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        preexec_fn=die_with_this_process(9),
    )
    if done.returncode != 0:
        raise Trouble(f"wrk ended with {done.returncode}: {done.stderr.strip()}")
    return parse(done.stdout)


def parse(text):
    """A Load from what wrk printed; Trouble if an answer was not a 2xx."""
    total = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m)", text)
    median = re.search(r"^ +50% +([\d.]+)(us|ms|s|m) *$", text, re.MULTILINE)
    high = re.search(r"^ +99% +([\d.]+)(us|ms|s|m) *$", text, re.MULTILINE)
    if not (total and median and high):
        raise Trouble(f"wrk said:\n{text}")
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: .*", text)
    if bad:
        raise Trouble(f"wrk had answers that are none: {bad.group(0)}")
    return Load(
        answered=int(total.group(1)),
        seconds=_milliseconds(total.group(2), total.group(3)) / 1000,
        p50_ms=_milliseconds(*median.groups()),
        p99_ms=_milliseconds(*high.groups()),
    )


def _milliseconds(number, unit):
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000}[unit]
