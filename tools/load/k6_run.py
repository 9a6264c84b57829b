"""One run of k6 as a child of this process."""

import json
import os
import signal
import subprocess
import threading
from pathlib import Path

from shop import processes
from shop.state_folder import CHECKOUT
from shop.trouble import Trouble

SCENARIOS = CHECKOUT / "load" / "scenarios"
BEGINS, ENDS = "the load begins", "the load ends"  # said by flash_sale.js
THRESHOLDS_BREACHED = 99
SECONDS_BEYOND_LOAD = 180
LINES_SHOWN = 15


class K6Run:
    """`meter()` is called when the load begins and when it ends, with the pid of k6: starting a
    thousand users takes seconds of CPU time, which are not the load's."""

    def __init__(self, program, scenario, folder, variables, meter):
        self.summary_file = Path(folder, "summary.json")
        self.dashboard = Path(folder, "dashboard.html")
        self._seconds_max = float(variables.get("SECONDS_MAX", 300)) + SECONDS_BEYOND_LOAD
        self._meter = meter
        self._lines = []
        self.readings = []
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder),
            "K6_WEB_DASHBOARD": "true",
            "K6_WEB_DASHBOARD_PORT": "-1",  # no server, the file only
            "K6_WEB_DASHBOARD_PERIOD": "1s",
            "K6_WEB_DASHBOARD_EXPORT": str(self.dashboard),
            "SUMMARY": str(self.summary_file),
        } | {name: str(value) for name, value in variables.items()}
        command = [program, "run", "--quiet", "--no-usage-report", "--log-format", "raw"]
        self._process = subprocess.Popen(
            [*command, str(SCENARIOS / scenario)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=environment,
            start_new_session=True,
            preexec_fn=processes.die_with_this_process(signal.SIGKILL),
        )
        self._reader = threading.Thread(target=self._follow, daemon=True)
        self._reader.start()

    def finish(self):
        """Waits for its end; its summary, with k6's own verdict on the thresholds."""
        try:
            code = self._process.wait(self._seconds_max)
        except subprocess.TimeoutExpired:
            self.abandon()
            raise Trouble(f"k6 was not done in {self._seconds_max:.0f} s") from None
        self._reader.join()
        if code not in (0, THRESHOLDS_BREACHED) or not self.summary_file.exists():
            raise Trouble("\n".join([f"k6 ended with {code}", *self._lines[-LINES_SHOWN:]]))
        if len(self.readings) not in (0, 2):
            raise Trouble("the CPU meters could not be read when the load began and ended")
        summary = json.loads(self.summary_file.read_text())
        return summary | {"k6_exit_code": code}

    def abandon(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _follow(self):
        for line in self._process.stderr:
            if BEGINS in line or ENDS in line:
                self.readings.append(self._meter(self._process.pid))
            else:
                self._lines.append(line.rstrip())
                del self._lines[: -10 * LINES_SHOWN]
