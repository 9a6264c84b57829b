"""One run of the crowd of buyers as a child of this process."""

import json
import re
import signal
import subprocess
import sys
import threading
import time

from shop import processes
from shop.rooms import program
from shop.terminal import say
from shop.trouble import Trouble
from shop.waiting import end_of

LINE_WIDTH = 96
LINE_EVERY_SECONDS = 3


class CrowdRun:
    def __init__(self, shop, name, sale, customers, options):
        self.log = shop.state.logs / f"{name}.exchanges.tsv"
        self._report = shop.state.logs / f"{name}.report.json"
        self._errors = shop.state.log(f"{name}.crowd")
        command = [program("crowd"), "--gateway", shop.url().removeprefix("http://")]
        command += ["--customers", customers, "--sale", sale, "--progress"]
        command += ["--log", self.log, "--report", self._report, *options]
        self._process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=processes.die_with_this_process(signal.SIGKILL),
        )
        self._reader = threading.Thread(target=self._show_progress, daemon=True)
        self._reader.start()

    def is_running(self):
        return self._process.poll() is None

    def stop_arrivals(self):
        """The crowd then finishes what is under way."""
        if self.is_running():
            self._process.send_signal(signal.SIGTERM)

    def finish(self, limit_seconds):
        """Waits for its end; its report."""
        try:
            code = self._process.wait(limit_seconds)
        except subprocess.TimeoutExpired:
            raise Trouble(f"the crowd was not done in {limit_seconds} s") from None
        self._reader.join()
        if code != 0 or not self._report.exists():
            raise Trouble(f"the crowd ended with {code}\n{end_of(self._errors)}")
        return json.loads(self._report.read_text())

    def abandon(self):
        if self.is_running():
            self._process.kill()
            self._process.wait()

    def _show_progress(self):
        """On a terminal one line that changes, otherwise a line now and then."""
        next_line = 0.0
        with open(self._errors, "w") as copy:
            for line in self._process.stderr:
                copy.write(line)
                copy.flush()
                if not re.match(r"\s*\d+ s ", line):
                    continue
                shown = line.split("  waiting")[0].strip()[:LINE_WIDTH]
                if sys.stdout.isatty():
                    print(f"\r    {shown:<{LINE_WIDTH}}", end="", flush=True)
                elif time.monotonic() >= next_line:
                    say(f"    {shown}")
                    next_line = time.monotonic() + LINE_EVERY_SECONDS
        if sys.stdout.isatty():
            print("\r" + " " * (LINE_WIDTH + 4) + "\r", end="", flush=True)
