"""The audit of a million orders: within its time and memory, with progress shown, and not blind.

ORDERS=100000 makes it small, for a quick look."""

import json
import os
import pty
import re
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from shop.postgres import ADMIN, DATABASE
from shop.postgres import program as postgres_program
from shop.rooms import program
from shop.shop import Shop

ORDERS = int(os.environ.get("ORDERS", 1_000_000))
SECONDS_MAX = 60
MEBIBYTES_MAX = 500
PLANT = Path(__file__).with_name("plant.sql")


class LargeSale:
    """Only a PostgreSQL with the shop's schemas, and one settled sale in it."""

    def __init__(self):
        self.shop = Shop.make(f"scale-{os.getpid()}", bound=True)
        self.log = self.shop.state.path / "crowd.tsv"

    def start(self):
        self.shop.postgres.start()
        self.shop.postgres.wait_ready()
        migrations = Path(__file__).resolve().parents[2] / "services"
        self.shop.command("migrate", "--migrations", migrations)
        began = time.monotonic()
        self.run_sql(PLANT.read_text() + self._copy_log(), orders=ORDERS)
        print(f"planted {ORDERS} orders in {time.monotonic() - began:.0f} s")

    def _copy_log(self):
        copy = "COPY (SELECT * FROM exchanges) TO STDOUT WITH (FORMAT text)"
        heading = (
            "sent_us answered_us kind sale_id customer_id key quantity order_id status code seq "
            "pos remaining unit_price_cents"
        ).replace(" ", "\\t")
        return f"\n\\pset footer off\n\\o {self.log}\n\\qecho '{heading}'\n{copy};\n\\o\n"

    def run_sql(self, sql, **variables):
        command = [postgres_program("psql"), "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"]
        for name, value in variables.items():
            command += ["--set", f"{name}={value}"]
        done = subprocess.run(
            [*command, "--file", "-"],
            input=sql,
            env={
                "PATH": os.environ.get("PATH", os.defpath),
                "PGHOST": "127.0.0.1",
                "PGPORT": str(self.shop.postgres.port),
                "PGUSER": ADMIN,
                "PGDATABASE": DATABASE,
                "PGPASSWORD": self.shop.state.secret("postgres-admin-password"),
            },
            capture_output=True,
            text=True,
            cwd="/",
        )
        assert done.returncode == 0, done.stderr[-2000:]

    def stop(self):
        self.shop.postgres.stop()
        self.shop.state.wipe()


@dataclass
class Audit:
    code: int
    report: dict
    seconds: float
    mebibytes: float
    progress: str

    def findings(self):
        return {(found["invariant"], found["description"]) for found in self.report["findings"]}


def run_audit(large):
    """With a terminal for its progress, since it shows none to a pipe."""
    terminal, its_side = pty.openpty()
    shown = []

    def listen():
        try:
            while piece := os.read(terminal, 4096):
                shown.append(piece)
        except OSError:
            pass  # how Linux says that the other side has closed

    listener = threading.Thread(target=listen)
    listener.start()
    began = time.monotonic()
    process = subprocess.Popen(
        [str(program("doorbuster")), "audit", "--json", "--log", str(large.log)],
        env=large.shop.operator_environment(),
        stdout=subprocess.PIPE,
        stderr=its_side,
    )
    os.close(its_side)
    answer = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    listener.join()
    os.close(terminal)
    progress = b"".join(shown).decode()
    assert answer, progress[-2000:]
    return Audit(
        process.returncode, json.loads(answer), seconds, usage.ru_maxrss / 1024, progress
    )


@pytest.fixture(scope="module")
def large():
    sale = LargeSale()
    try:
        sale.start()
        yield sale
    finally:
        sale.stop()


def test_a_large_sale_is_audited_in_time(large):
    audit = run_audit(large)
    print(f"{ORDERS} orders, {audit.report['exchanges']} exchanges: {audit.seconds:.1f} s, "
          f"{audit.mebibytes:.0f} MiB")
    assert audit.code == 0, audit.report
    assert audit.report["holds"] and not audit.report["skipped"], audit.report
    assert audit.report["orders"] == ORDERS
    assert audit.report["exchanges"] == 2 * ORDERS
    assert audit.seconds < SECONDS_MAX
    assert audit.mebibytes < MEBIBYTES_MAX
    for what in ("sales", "payments", "stock", "replay of", "orders", "log"):
        assert re.search(rf"{what}[^\r]* \d+/\d+", audit.progress), what


def test_one_flaw_among_them_is_found(large):
    large.run_sql(
        """
        UPDATE orders.sale_orders SET quantity = 2
        WHERE id = (SELECT taken[7] FROM orders.sale_batches WHERE seq = 77);
        DELETE FROM sandbox.charges WHERE provider_key =
            (SELECT taken[1] || ':1' FROM orders.sale_batches WHERE seq = 78);
        """
    )
    audit = run_audit(large)
    assert audit.code == 1
    assert {
        (1, "allotted is not remaining + held + sold + released"),
        (1, "the history does not replay: units do not add up"),
        (2, "an order has another quantity than was bought"),
        (7, "a paid order was not charged"),
    } <= audit.findings()
