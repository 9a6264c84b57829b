"""The bench's part of the section, and what must be true within its report."""

from statistics import median

from evidence.markdown import moment, table

PATH = "load/reports/bench.json"
ROUNDS_LEAST = 3
TOLERANCE = 0.02  # figures are rounded
QUOTIENTS = {
    "sale.ratio": ("sale.purchases_per_s", "sale.lock_per_request_per_s"),
    "sale.row_ratio": ("sale.purchases_per_s", "sale.row_update_per_s"),
}


def bench_section(bench):
    load = bench["load_average"]
    machine = bench["machine"]
    dirty = ", with uncommitted changes" if bench["commit"]["dirty"] else ""
    rounds = max(len(entry["values"]) for entry in bench["figures"].values())
    lines = [
        "### Bench",
        "",
        f"`make bench`, [report]({PATH}): {rounds} interleaved rounds,"
        f" **co-located on {machine['cores']} cores** ({machine['cpu']});"
        f" {moment(bench['started_at'])}, commit"
        f" `{bench['commit']['id'][:12]}`{dirty}; load average {load['before'][0]:g} before,"
        f" {load['after'][0]:g} after.",
        "",
        *table(("figure", "unit", "least", "median", "most", "goal", ""), rows(bench["figures"])),
        "",
        *(f"- {note}" for note in bench["notes"]),
    ]
    return "\n".join(lines) + "\n"


def rows(figures):
    for name, entry in figures.items():
        goal, met = "", ""
        if entry.get("goal") is not None:
            goal = f"{'≥' if entry['better'] == 'higher' else '≤'} {entry['goal']:g}"
            met = "met" if entry["goal_met"] else "**missed**"
        numbers = [f"{entry[column]:,g}" for column in ("min", "median", "max")]
        yield (f"`{name}`", entry.get("unit", ""), *numbers, goal, met)


def problems_of_bench(bench):
    problems = []
    if bench["commit"]["dirty"]:
        problems.append("it was taken from a checkout with uncommitted changes")
    if not bench["valid"] or bench["invalid_because"]:
        problems.append(f"it is invalid: {'; '.join(bench['invalid_because']) or 'no reason'}")
    figures = bench["figures"]
    for name, entry in figures.items():
        problems += [f"{name}: {problem}" for problem in problems_of_figure(entry)]
    for name, (above, below) in QUOTIENTS.items():
        if not {name, above, below} <= figures.keys():
            continue
        pairs = zip(figures[above]["values"], figures[below]["values"])
        wanted = [one / other for one, other in pairs]
        if not all(map(same, figures[name]["values"], wanted)):
            problems.append(f"{name} is not {above} over {below}")
    return problems


def problems_of_figure(entry):
    values = entry["values"]
    checks = [
        (len(values) >= ROUNDS_LEAST, f"{len(values)} rounds, at least {ROUNDS_LEAST} are needed"),
        (same(entry["min"], min(values)), "its least value"),
        (same(entry["median"], median(values)), "its median"),
        (same(entry["max"], max(values)), "its greatest value"),
    ]
    if entry.get("goal") is not None:
        above = entry["median"] >= entry["goal"]
        below = entry["median"] <= entry["goal"]
        met = above if entry["better"] == "higher" else below
        checks.append((entry["goal_met"] == met, "whether its goal is met"))
    return [problem for holds, problem in checks if not holds]


def same(one, other):
    return abs(one - other) <= TOLERANCE * max(abs(one), abs(other))
