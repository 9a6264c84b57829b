"""The README's session of a shopper, run as it stands there: each line that names a status gets
it."""

import re
import subprocess
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"
# In the README it is the shop that `make up` leaves running.
ADDRESS_IN_README = "http://127.0.0.1:8080"
SECONDS_MAX = 60


def block_below(heading):
    """The first ```sh block after the heading."""
    text = README.read_text(encoding="utf-8")
    below = text[text.index(f"\n{heading}\n") :]
    return re.search(r"```sh\n(.*?)```", below, re.DOTALL)[1]


def test_a_shoppers_session(shop):
    shop.shop.command("catalogue", "seed", DOORBUSTER_TOKEN=shop.admin_token())
    script = block_below("### A shopper's session").replace(ADDRESS_IN_README, shop.shop.url())
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", script],
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    promised = re.findall(r"# (\d{3})$", script, re.MULTILINE)
    seen = re.findall(r"^\d{3}$", done.stdout, re.MULTILINE)
    assert len(promised) > 15
    assert seen == promised, done.stdout
