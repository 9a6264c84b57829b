"""The README's sessions of a shopper and of an operator, run as they stand there, one after the
other: each line that names a status gets it."""

import os
import re
import subprocess
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"
# In the README it is the shop that `make up` leaves running; here the operator's command and what
# it needs are in the environment instead.
ADDRESS_IN_README = "http://127.0.0.1:8080"
OPERATOR_IN_README = "tools/local_shop.py run -- "
SECONDS_MAX = 60
# Those of the nine that need no crowd's log.
INVARIANTS_OF_THE_DATABASE = 5


def block_below(heading):
    """The first ```bash block after the heading."""
    text = README.read_text(encoding="utf-8")
    below = text[text.index(f"\n{heading}\n") :]
    return re.search(r"```bash\n(.*?)```", below, re.DOTALL)[1]


def test_a_shoppers_session_and_a_flash_sale_by_hand(shop):
    operator = shop.shop.operator_environment() | {"DOORBUSTER_TOKEN": shop.admin_token()}
    shop.shop.command("catalogue", "seed", DOORBUSTER_TOKEN=shop.admin_token())
    shopper = block_below("### A shopper's session")
    sale = block_below("### A flash sale by hand")
    assert ADDRESS_IN_README in shopper and sale.count(OPERATOR_IN_README) == 2
    script = (shopper + sale).replace(ADDRESS_IN_README, shop.shop.url())
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", script.replace(OPERATOR_IN_README, "")],
        env={**os.environ, **operator},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    promised = re.findall(r"# (\d{3})$", script, re.MULTILINE)
    seen = re.findall(r"^\d{3}$", done.stdout, re.MULTILINE)
    assert len(promised) > 20
    assert seen == promised, done.stdout
    held = re.findall(r" holds$", done.stdout, re.MULTILINE)
    assert len(held) == INVARIANTS_OF_THE_DATABASE, done.stdout
