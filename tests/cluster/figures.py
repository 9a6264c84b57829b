"""What the cluster test measured: the table at its end, and build/cluster-test/report.json."""

import json
from dataclasses import asdict, dataclass, field

from shop.state_folder import CHECKOUT
from shop.terminal import table

FOLDER = CHECKOUT / "build" / "cluster-test"
NONE = "-"
TITLES = (
    "fault", "longest gap", "promised", "failed requests", "acknowledged", "audit",
)  # fmt: skip


@dataclass
class FaultRow:
    fault: str
    longest_gap_ms: float | None = None
    promised_ms: float | None = None
    failed_requests: int | None = None
    readers_failed: int | None = None
    acknowledged: int | None = None
    audit: str = "not reached"
    notes: dict = field(default_factory=dict)


@dataclass
class Measure:
    """One number beside its promise, if there is one."""

    what: str
    value: float
    unit: str
    promised: float | None = None


class Figures:
    def __init__(self):
        self.rows = []
        self.measures = []
        self.edges = {}
        self.notes = {}

    def row(self, fault):
        made = FaultRow(fault)
        self.rows.append(made)
        return made

    def measure(self, what, value, unit, promised=None):
        self.measures.append(Measure(what, round(value, 2), unit, promised))

    def text(self):
        parts = []
        if self.rows:
            parts.append(table([TITLES, *map(_cells, self.rows)]))
        if self.measures:
            rows = [("measured", "", "promised"), *map(_measure_cells, self.measures)]
            parts.append(table(rows))
        if self.edges:
            parts.append(_edges_text(self.edges))
        return "\n\n".join(parts)

    def write(self):
        FOLDER.mkdir(parents=True, exist_ok=True)
        report = {
            "faults": [asdict(row) for row in self.rows],
            "measures": [asdict(measure) for measure in self.measures],
            "edges": self.edges,
            "notes": self.notes,
        }
        path = FOLDER / "report.json"
        path.write_text(json.dumps(report, indent=2) + "\n")
        return path


def _cells(row):
    return (
        row.fault,
        _milliseconds(row.longest_gap_ms),
        _milliseconds(row.promised_ms),
        _failures(row),
        NONE if row.acknowledged is None else f"{row.acknowledged:,}",
        row.audit,
    )


def _measure_cells(measure):
    promised = NONE if measure.promised is None else f"< {measure.promised:,g} {measure.unit}"
    return (measure.what, f"{measure.value:,g} {measure.unit}", promised)


def _failures(row):
    if row.failed_requests is None:
        return NONE
    readers = "" if row.readers_failed is None else f" + {row.readers_failed} readers"
    return f"{row.failed_requests}{readers}"


def _milliseconds(number):
    return NONE if number is None else f"{number:,.0f} ms"


def _edges_text(edges):
    lines = [f"  flows seen: {len(edges['seen'])} edges, {len(edges['forbidden'])} not allowed"]
    lines += [f"    NOT ALLOWED {edge}" for edge in edges["forbidden"]]
    if edges["losses"]:
        made_up = "made up for from the kernel's table"
        lines.append(f"  events of flows were lost {edges['losses']} times, and {made_up}")
    by_reason = {}
    for edge, reason in edges["never_seen"].items():
        by_reason.setdefault(reason, []).append(edge)
    lines += [
        f"  allowed, not seen: {', '.join(names)}: {reason}" for reason, names in by_reason.items()
    ]
    return "\n".join(lines)
