"""A picture of k6's HTML dashboard."""

import shutil
import subprocess
import tempfile

from shop.terminal import say

NAMES = ("chromium", "chromium-browser", "google-chrome")
HOW_TO_INSTALL = "no picture of the dashboard: as root, apt-get install chromium"
SECONDS_MAX = 90
SIZE = "1400,2400"
DRAWING_MS = 8000


def take_picture(page, picture):
    """False, with a line that says why, if it could not be taken; the page itself is enough."""
    program = next((found for found in map(shutil.which, NAMES) if found), None)
    if program is None:
        say(f"  {HOW_TO_INSTALL}")
        return False
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            *(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
            *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
            *("--disable-sync", f"--user-data-dir={profile}", f"--window-size={SIZE}"),
            *("--hide-scrollbars", f"--virtual-time-budget={DRAWING_MS}"),
            *(f"--screenshot={picture}", page.resolve().as_uri()),
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX)
        except subprocess.TimeoutExpired:
            say(f"  no picture of the dashboard: {program} took longer than {SECONDS_MAX} s")
            return False
    if not picture.exists():
        say(f"  no picture of the dashboard: {done.stderr.strip()[-300:]}")
        return False
    return True
