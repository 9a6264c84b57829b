"""A port of a pod on this machine's loopback address, through the cluster's API."""

import re
import subprocess
import threading

from shop.ports import LOOPBACK, random_free
from shop.trouble import Trouble
from shop.waiting import wait_until

START_SECONDS = 15
LINES_KEPT = 20


class PortForward:
    """`with PortForward(kubectl, "service/postgres", 5432) as forward: forward.port`.

    kubectl picks one pod when it starts and ends with it: `restart` takes the present one, on the
    same local port, so that an address that was handed out stays good."""

    def __init__(self, kubectl, target, remote_port):
        self._kubectl = kubectl
        self._target = target
        self._remote_port = remote_port
        self._process = None
        self._lines = []
        self.port = random_free(1)[0]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, error, trace):
        self.stop()

    def start(self):
        self._lines = []
        self._process = self._kubectl.start(
            "port-forward",
            f"--address={LOOPBACK}",
            self._target,
            f"{self.port}:{self._remote_port}",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        arguments = (self._process.stdout, self._lines)
        threading.Thread(target=keep_last_lines, args=arguments, daemon=True).start()
        try:
            wait_until(
                lambda: any(re.match("Forwarding from", line) for line in list(self._lines)),
                START_SECONDS,
                what=f"a way to {self._target}",
                still_running=self.is_alive,
            )
        except Trouble as trouble:
            self.stop()
            said = "".join(self._lines).strip() or str(trouble).strip()
            raise Trouble(f"no way to {self._target}: {said}") from None

    def stop(self):
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self):
        self.stop()
        self.start()

    def is_alive(self):
        return self._process is not None and self._process.poll() is None


def keep_last_lines(stream, lines):
    """kubectl must never wait for somebody to read what it says."""
    for line in stream:
        lines.append(line)
        del lines[:-LINES_KEPT]
