"""This machine's `doorbuster`, run for whoever knows what it needs to reach its shop."""

import signal
import subprocess

from shop.processes import die_with_this_process
from shop.rooms import program
from shop.trouble import Trouble


def run_operator_command(arguments, environment, *, timeout=None):
    """Its output; Trouble if it failed. `timeout` in seconds."""
    done = subprocess.run(
        [str(part) for part in (program("doorbuster"), *arguments)],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        preexec_fn=die_with_this_process(signal.SIGKILL),
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise Trouble(f"`doorbuster {arguments[0]} ...` ended with {done.returncode}: {said}")
    return done.stdout
