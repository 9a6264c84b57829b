"""One sale through the ingress in which something happens, audited afterwards with its log."""

import contextlib
import time

from cluster_under_test import say
from crowd_log import failed_requests, purchase_times

UNITS = 500_000
RATE = 350
FAULT_AT = 3
FINISH_SECONDS = 60
# Arrivals end when all has been seen. One that lasts so long has missed it.
LONGEST_SECONDS = 120
AFTERWARDS_SECONDS = 2
ENDED_IN_TIME = "stop_file"
# Promised longest gaps between two purchases, in seconds, and the margin of a busy machine.
MARGIN = 3
REDIS_GAP = 1.0
ORDER_DEAD_GAP = 1.5
ORDER_STOPPED_GAP = 5.0
POSTGRES_READY_GAP = 3.0
NEW_MASTER_SECONDS = 15.0


class FaultSale:
    """`with fault_sale(under_test, figures, "a fault", promised_gap_s=1) as sale: ...` breaks
    something inside and stays there until that is over; afterwards the sale goes on a while, is
    settled, audited and in the table."""

    def __init__(self, under_test, row, longest_seconds):
        self.under_test = under_test
        self.row = row
        self.id = under_test.make_sale(units=UNITS, limit=100, holds=200, hold_s=3)
        name = "".join(letter if letter.isalnum() else "-" for letter in row.fault)
        under_test.prober.begin()
        self.crowd = under_test.crowd(
            self.id, name, "--connections", 200, "--arrival", "open", "--rate", RATE,
            "--duration-s", longest_seconds, "--purchases-per-customer", 100,
            "--duplicates", "0.05", "--pay", "0.8", "--cancel", "0.1", "--pay-delay-ms", "0:2500",
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

    def go_on(self, seconds):
        self.wait_until_second(self.second() + seconds)

    def end_arrivals(self):
        """Before their time, as whatever was to be seen has been seen."""
        self._stop.touch()

    def finish(self):
        """Waits for the crowd and fills in the table's row."""
        self.report = self.crowd.report()
        self.readers = self.under_test.prober.begin()
        self.row.longest_gap_ms = longest_gap_ms(self.report)
        self.row.acknowledged = self.report["purchases"]["acknowledged"]
        self.row.failed_requests = sum(failed_requests(self.crowd.log).values())
        self.row.readers_failed = len(self.readers.failures)
        self.row.notes["readers"] = str(self.readers)
        self.row.notes["arrivals"] = self.report["arrivals"]
        self.row.notes["arrivals_s"] = self.report["arrivals_s"]
        if self.row.failed_requests:
            self.row.notes["failed"] = failed_requests(self.crowd.log)

    def purchases_between(self, begin, end=float("inf")):
        """Unix times of acknowledgements, of the finished sale."""
        return [at for at in purchase_times(self.crowd.log) if begin <= at < end]

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


def longest_gap_ms(report):
    """Between two purchases, or from the last one to the end of arrivals: the crowd itself notices
    a gap only when it ends."""
    purchases = report["purchases"]
    arrivals_ms = report["arrivals_s"] * 1000
    return max(purchases["longest_gap_ms"], arrivals_ms - (purchases["last_at_ms"] or 0))


@contextlib.contextmanager
def fault_sale(
    under_test, figures, fault, *, promised_gap_s=None, longest_seconds=LONGEST_SECONDS, sells=0.8
):
    """`sells`: the share of all who come that gets something, at least."""
    row = figures.row(fault)
    row.promised_ms = promised_gap_s and promised_gap_s * 1000
    under_test.flows.phase(fault)
    sale = FaultSale(under_test, row, longest_seconds)
    try:
        yield sale
        sale.go_on(AFTERWARDS_SECONDS)
        sale.end_arrivals()
        sale.finish()
    except BaseException:
        sale.crowd.abandon()
        raise
    gap = f"longest gap {row.longest_gap_ms:,.0f} ms"
    say(f"  {fault}: {row.acknowledged:,} bought, {gap}, readers: {sale.readers}")
    sale.settle_and_audit()
    ended_by = sale.report["ended_by"]
    assert ended_by == ENDED_IN_TIME, f"arrivals ended before the fault was over: {ended_by}"
    assert row.acknowledged > sells * sale.report["arrivals"], sale.report["fates"]
    if promised_gap_s:
        assert row.longest_gap_ms < MARGIN * promised_gap_s * 1000
    under_test.flows.phase("between faults")


def assert_nobody_noticed(sale):
    assert not failed_requests(sale.crowd.log), failed_requests(sale.crowd.log)
    assert not sale.readers.failures, str(sale.readers)
