"""A command that takes minutes: its output goes to a log, its last line to the terminal."""

import signal
import subprocess
import sys
import threading
import time

from shop import processes
from shop.terminal import say
from shop.trouble import Trouble
from shop.waiting import end_of

WIDTH = 96
LINE_EVERY_SECONDS = 30


def run_with_progress(command, *, log, environment, seconds, what):
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
        preexec_fn=processes.die_with_this_process(signal.SIGTERM),
    )
    late = threading.Timer(seconds, process.terminate)
    late.start()
    try:
        show_last_lines(process.stdout, log)
        code = process.wait()
    finally:
        late.cancel()
        if process.poll() is None:
            process.terminate()
            process.wait()
    if code != 0:
        raise Trouble(f"{what} could not be built (exit code {code})\n{end_of(log)}")


def show_last_lines(stream, log):
    """On a terminal one line that changes, otherwise one now and then."""
    next_line = time.monotonic() + LINE_EVERY_SECONDS
    with open(log, "w") as copy:
        for line in stream:
            copy.write(line)
            copy.flush()
            shown = line.strip()[:WIDTH]
            if sys.stdout.isatty():
                print(f"\r    {shown:<{WIDTH}}", end="", flush=True)
            elif time.monotonic() >= next_line:
                say(f"    {shown}")
                next_line = time.monotonic() + LINE_EVERY_SECONDS
    if sys.stdout.isatty():
        print("\r" + " " * (WIDTH + 4) + "\r", end="", flush=True)
