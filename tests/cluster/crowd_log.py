"""The crowd's log of exchanges, as far as tests of the cluster ask it."""

NO_ANSWER = "0"
CREATED = "201"


def failed_requests(log):
    """{status: count} of the exchanges that nobody should have: no answer, or one of 5xx."""
    failed = {}
    for exchange in _exchanges(log):
        status = exchange["status"]
        if status == NO_ANSWER or status.startswith("5"):
            failed[status] = failed.get(status, 0) + 1
    return failed


def purchase_times(log):
    """When purchases were acknowledged, in order, as Unix times."""
    return sorted(
        int(exchange["answered_us"]) / 1e6
        for exchange in _exchanges(log)
        if exchange["kind"] == "take" and exchange["status"] == CREATED
    )


def _exchanges(log):
    with open(log, encoding="utf-8") as lines:
        names = next(lines).rstrip("\n").split("\t")
        for line in lines:
            yield dict(zip(names, line.rstrip("\n").split("\t")))
