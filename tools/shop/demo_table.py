"""The table at the end of a demo, one column per sale."""

from shop.terminal import table

NONE = "-"
NOTE = """\
  Once all units of the first sale are taken, a purchase has to wait for a hold that is cancelled
  or runs out. Its mean rate, its longest gap and its CPU time, which pays for the refusals too,
  include that wait."""


def closing_table(results):
    titles = [""] + [result.title for result in results]
    rows = [tuple(titles)]
    for heading, lines in (
        ("Units", _units),
        ("Orders", _orders),
        ("Answers to purchases, by kind", _answers),
        ("Speed", _speed),
        ("Failover of Redis", _failover),
        ("CPU per purchase", _cpu),
        ("Audit", _audit),
    ):
        columns = [lines(result) for result in results]
        names = list(dict.fromkeys(name for column in columns for name in column))
        rows.append((heading,))
        rows += [("  " + name, *(column.get(name, NONE) for column in columns)) for name in names]
    width = max(len(line) for line in table(rows).splitlines())
    rule = "  " + "-" * (width - 2)
    return "\n".join([rule, table(rows), rule, NOTE])


def _units(result):
    return {
        "offered": _count(result.sale["units"]),
        "sold": _count(result.sale["sold"]),
        "given back to stock": _count(result.sale["released"]),
    }


def _orders(result):
    lines = {"written": _count(sum(result.orders.values()))}
    return lines | {name: _count(number) for name, number in result.orders.items()}


def _answers(result):
    lines = {"requests of all kinds": _count(result.crowd["exchanges"]["sent"])}
    answers = result.crowd["answers"]["take"]
    return lines | {name: _count(number) for name, number in sorted(answers.items())}


def _speed(result):
    purchases = result.crowd["purchases"]
    latency = result.crowd["latency"]["purchase"]
    sold_out = purchases["sold_out_after_first_request_ms"]
    all_taken = result.seconds_to_take_all
    return {
        "all units first taken within": NONE if all_taken is None else f"{all_taken:,.2f} s",
        "sold out for good after": NONE if sold_out is None else f"{sold_out / 1000:,.1f} s",
        "purchases": _count(purchases["acknowledged"]),
        "purchases/s, mean": f"{purchases['per_second']:,.0f}",
        "purchases/s, best second": _count(purchases["best_second"]),
        "answer to a purchase, p50": _milliseconds(latency["p50_ms"]),
        "p95": _milliseconds(latency["p95_ms"]),
        "p99": _milliseconds(latency["p99_ms"]),
        "max": _milliseconds(latency["max_ms"]),
        "longest gap between two": _milliseconds(purchases["longest_gap_ms"]),
    }


def _failover(result):
    failover = result.failover
    if failover is None:
        return {}
    return {
        "new master elected after": f"{failover.seconds_to_elect:.2f} s",
        "new master used after": f"{failover.seconds_to_use:.2f} s",
    }


def _cpu(result):
    purchases = max(1, result.crowd["purchases"]["acknowledged"])
    lines = {tier: f"{1e6 * cpu / purchases:,.0f} us" for tier, cpu in result.cpu.items()}
    shop = sum(cpu for tier, cpu in result.cpu.items() if tier != "crowd of buyers")
    return lines | {"the shop in all": f"{1e6 * shop / purchases:,.0f} us"}


def _audit(result):
    return {
        "answers checked": _count(result.audit["exchanges"]),
        "all nine invariants": "hold" if result.audit["passed"] else "VIOLATED",
    }


def _count(number):
    return f"{number:,}"


def _milliseconds(number):
    return f"{number:,.1f} ms"

