"""Progress and tables for a person at a terminal; plain text, so that it can be pasted."""

import sys
import time


def prepare():
    """A log without UTF-8 gets question marks rather than a crash."""
    sys.stdout.reconfigure(errors="replace", line_buffering=True)


def say(text=""):
    print(text, flush=True)


def say_amid_progress(text):
    """On a line of its own, above the one that changes."""
    say(f"\r{text:<100}" if sys.stdout.isatty() else text)


class Step:
    """`with Step("PostgreSQL") as step: ...; step.note = "15"` prints one line with its time."""

    WIDTH = 44

    def __init__(self, what):
        self.what = what
        self.note = ""

    def __enter__(self):
        self._begin = time.monotonic()
        if sys.stdout.isatty():
            print(f"  {self.what} ...", end="\r", flush=True)
        return self

    def __exit__(self, kind, error, trace):
        seconds = time.monotonic() - self._begin
        mark = "failed" if kind else f"{seconds:5.1f} s"
        say(f"  {self.what:<{self.WIDTH}}{mark:>8}  {self.note}".rstrip())


def table(rows, *, indent=2):
    """Rows of texts, aligned; the first column to the left, the others to the right. A row with
    one text is a heading."""
    full = [row for row in rows if len(row) > 1]
    columns = max((len(row) for row in full), default=0)
    widths = [max(len(row[i]) for row in full if len(row) > i) for i in range(columns)]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]) if len(row) > 1 else row[0]]
        cells += [text.rjust(width) for text, width in zip(row[1:], widths[1:])]
        lines.append((" " * indent + "  ".join(cells)).rstrip())
    return "\n".join(lines)


def pairs(rows, *, indent=2):
    """Two columns to the left, for addresses and commands."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{' ' * indent}{name:<{width}}  {value}".rstrip() for name, value in rows)
