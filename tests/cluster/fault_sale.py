"""One sale through the ingress in which something happens, audited afterwards with its log."""

import contextlib
import time

from cluster_under_test import say

UNITS = 500_000
SECONDS = 11
RATE = 350
FAULT_AT = 3
FINISH_SECONDS = 60
NO_ANSWER = "0"
# Promised longest gaps between two purchases, in seconds, and the margin of a busy machine.
MARGIN = 3
REDIS_GAP = 1.0
ORDER_DEAD_GAP = 1.5
ORDER_STOPPED_GAP = 5.0
POSTGRES_READY_GAP = 3.0
NEW_MASTER_SECONDS = 15.0


class FaultSale:
    """`with fault_sale(under_test, figures, "a fault", promised_gap_s=1) as sale: ...` breaks
    something inside; afterwards the sale is settled, audited and in the table."""

    def __init__(self, under_test, row, seconds):
        self.under_test = under_test
        self.row = row
        self.id = under_test.make_sale(units=UNITS, limit=100, holds=200, hold_s=3)
        name = "".join(letter if letter.isalnum() else "-" for letter in row.fault)
        under_test.prober.begin()
        self.crowd = under_test.crowd(
            self.id, name, "--connections", 200, "--arrival", "open", "--rate", RATE,
            "--duration-s", seconds, "--purchases-per-customer", 100, "--duplicates", "0.05",
            "--pay", "0.8", "--cancel", "0.1", "--pay-delay-ms", "0:2500",
            "--request-timeout-ms", 5000, "--give-up-s", 25, "--finish-s", FINISH_SECONDS,
            "--stop-file", self._stop_file(name),
        )  # fmt: skip
        self.report = None
        self.readers = None

    def wait_until_second(self, second):
        self.crowd.wait_until_second(second)

    def second(self):
        """Of the sale, now."""
        return time.monotonic() - self.crowd.started

    def end_arrivals(self):
        """Before its time: whatever was to be seen has been seen."""
        self._stop.touch()

    def finish(self):
        """Waits for the crowd and fills in the table's row."""
        self.report = self.crowd.report()
        self.readers = self.under_test.prober.begin()
        purchases = self.report["purchases"]
        self.row.longest_gap_ms = purchases["longest_gap_ms"]
        self.row.acknowledged = purchases["acknowledged"]
        self.row.failed_requests = sum(failed_requests(self.crowd.log).values())
        self.row.readers_failed = len(self.readers.failures)
        self.row.notes["readers"] = str(self.readers)
        self.row.notes["arrivals"] = self.report["arrivals"]
        if self.row.failed_requests:
            self.row.notes["failed"] = failed_requests(self.crowd.log)

    def selling_again_second(self):
        """The second of the sale at which its longest gap ended."""
        purchases = self.report["purchases"]
        return (purchases["longest_gap_began_at_ms"] + purchases["longest_gap_ms"]) / 1000

    def settle_and_audit(self):
        try:
            self.under_test.settle(self.id)
            self.under_test.audit(self.crowd.log)
        except BaseException:
            self.row.audit = "FAILED"
            raise
        self.row.audit = "clean"

    def _stop_file(self, name):
        self._stop = self.under_test.folder / f"{name}.stop"
        self._stop.unlink(missing_ok=True)
        return self._stop


@contextlib.contextmanager
def fault_sale(under_test, figures, fault, *, promised_gap_s=None, seconds=SECONDS, sells=0.8):
    """`sells`: the share of all who come that gets something, at least."""
    row = figures.row(fault)
    row.promised_ms = promised_gap_s and promised_gap_s * 1000
    under_test.flows.phase(fault)
    sale = FaultSale(under_test, row, seconds)
    try:
        yield sale
        sale.finish()
    except BaseException:
        sale.crowd.abandon()
        raise
    gap = f"longest gap {row.longest_gap_ms:,.0f} ms"
    say(f"  {fault}: {row.acknowledged:,} bought, {gap}, readers: {sale.readers}")
    sale.settle_and_audit()
    assert row.acknowledged > sells * sale.report["arrivals"], sale.report["fates"]
    if promised_gap_s:
        assert row.longest_gap_ms < MARGIN * promised_gap_s * 1000
    under_test.flows.phase("between faults")


def failed_requests(log):
    """{status: count} of the exchanges that nobody should have: no answer, or one of 5xx."""
    failed = {}
    with open(log, encoding="utf-8") as lines:
        status_column = next(lines).rstrip("\n").split("\t").index("status")
        for line in lines:
            status = line.rstrip("\n").split("\t")[status_column]
            if status == NO_ANSWER or status.startswith("5"):
                failed[status] = failed.get(status, 0) + 1
    return failed


def assert_nobody_noticed(sale):
    assert not failed_requests(sale.crowd.log), failed_requests(sale.crowd.log)
    assert not sale.readers.failures, str(sale.readers)
