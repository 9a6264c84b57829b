"""The reports that the section is made of: those that git knows, so that a trial run at somebody's
desk changes nothing."""

import json
import subprocess
from pathlib import Path

from evidence.bench_section import PATH as BENCH

FLASH_SALE = "-flash_sale"
FLASH_SALE_ON_CLUSTER = "-flash_sale-cluster"
PAYING = "shop, with payment"  # the target of the round in which everybody pays
PARTS = ("summary", "audit", "environment")


class FlashSaleReport:
    def __init__(self, root, folder):
        self.folder = folder  # as the README links it
        self.problems = []
        for part in PARTS:
            setattr(self, part, json.loads((root / folder / f"{part}.json").read_text()))
        self.has_picture = (root / folder / "dashboard.png").exists()

    def rounds_of(self, target):
        return [one for one in self.summary["rounds"] if one["target"] == target]

    def middle(self, target):
        return next(
            one for one in self.rounds_of(target) if one["round"] == self.summary["middle_round"]
        )

    def audit_of(self, number):
        return next((one for one in self.audit["rounds"] if one["round"] == number), None)


def newest(kind, root):
    """None if there is no such report; its name begins with its time."""
    folders = {str(Path(path).parent) for path in known_files(root)}
    found = sorted(folder for folder in folders if folder.endswith(kind))
    return FlashSaleReport(root, found[-1]) if found else None


def bench(root):
    if BENCH not in known_files(root):
        return None
    return json.loads((root / BENCH).read_text())


def known_files(root):
    """Committed or about to be; all there are where there is no git."""
    command = ["git", "ls-files", "--cached", "--", "load/reports"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done.returncode == 0:
        return [path for path in done.stdout.splitlines() if (root / path).exists()]
    return [str(path.relative_to(root)) for path in sorted((root / "load/reports").rglob("*.*"))]
