"""The bench's part of the section, and what must be true within its report."""

from statistics import median

from evidence.markdown import folded, moment, table

PATH = "load/reports/bench.json"
ROUNDS_LEAST = 3
TOLERANCE = 0.02  # figures are rounded
QUOTIENTS = {
    "sale.ratio": ("sale.purchases_per_s", "sale.lock_per_request_per_s"),
    "sale.row_ratio": ("sale.purchases_per_s", "sale.row_update_per_s"),
    "soldout.over_purchases": ("soldout.answers_per_s", "sale.purchases_per_s"),
    "echo.vs_nginx_return": (
        "wrk.echo.requests_per_cpu_s",
        "wrk.nginx-return.requests_per_cpu_s",
    ),
    "gateway.vs_nginx_proxy": (
        "wrk.gateway-nginx.requests_per_cpu_s",
        "wrk.nginx-proxy.requests_per_cpu_s",
    ),
    "gateway.vs_nginx_proxy_logging": (
        "wrk.gateway-nginx-logging.requests_per_cpu_s",
        "wrk.nginx-proxy-logging.requests_per_cpu_s",
    ),
}
# Of figures that the report's own notes leave out; a quotient is defined by QUOTIENTS.
DEFINITIONS = {
    "sale.p99_over_mean": "sale.p99_over_mean: sale.p99_ms over the mean time of a purchase, which"
    " is the 1,000 connections over sale.purchases_per_s.",
    "pgbench.same_function_per_s.1": "pgbench.same_function_per_s.N: purchases per second where"
    " pgbench alone calls the shop's function, orders.sale_apply_v1, on one connection with N"
    " purchases at a time: what PostgreSQL can do without the shop.",
    "soldout.answers_per_s": "soldout.answers_per_s: purchases per second that are told"
    " `sold_out`, once every unit is paid; 1,000 connections, closed loop.",
}
# By how a figure's name begins; the last one takes what no other does.
GROUPS = {
    "A sale": ("sale.", "pay_per_s", "soldout.", "pgbench."),
    "Beside nginx": ("echo.", "gateway.", "wrk."),
    "Ordinary days": ("login", "products.", "order."),
    "Ten times too many buyers": ("overload.",),
    "What it takes": ("",),
}
STORMS = ("overload.rate", "overload.connections")
OFFERED_LEAST = 9.5  # times what the shop can do, where ten times is said


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
        goals_sentence(bench["figures"]),
        "",
        *folded("All figures, and what each of them is", figures_and_notes(bench)),
    ]
    details = list(tables(bench["figures"], is_detail=True))
    if details:
        lines += ["", *folded("What these are made of", details[:-1])]
    return "\n".join(lines) + "\n"


def goals_sentence(figures):
    promised = {name: entry for name, entry in figures.items() if entry.get("goal") is not None}
    missed = [
        f"`{name}` ({entry['median']:,g}, goal {goal_of(entry)})"
        for name, entry in promised.items()
        if not entry["goal_met"]
    ]
    text = f"**Goals**, by the median: {len(promised) - len(missed)} of {len(promised)} met."
    return text + (f" **Missed**: {', '.join(missed)}." if missed else "")


def figures_and_notes(bench):
    yield from tables(bench["figures"], is_detail=False)
    for note in (*bench["notes"], *definitions(bench["figures"])):
        yield f"- {note}"


def definitions(figures):
    yield from (text for name, text in DEFINITIONS.items() if name in figures)
    quotients = [
        f"{name} is {above} over {below}"
        for name, (above, below) in QUOTIENTS.items()
        if name in figures
    ]
    if quotients:
        yield f"Quotients, in each round: {'; '.join(quotients)}."


def tables(figures, *, is_detail):
    groups = {}
    for name, entry in figures.items():
        if entry.get("detail", False) == is_detail:
            groups.setdefault(group_of(name), {})[name] = entry
    for group in GROUPS:
        if group in groups:
            head = (group, "unit", "least", "median", "most", "goal", "")
            yield from (*table(head, rows(groups[group])), "")


def group_of(name):
    return next(group for group, begins in GROUPS.items() if name.startswith(begins))


def rows(figures):
    for name, entry in figures.items():
        goal, met = "", ""
        if entry.get("goal") is not None:
            goal = goal_of(entry)
            met = "met" if entry["goal_met"] else "**missed**"
        numbers = [f"{entry[column]:,g}" for column in ("min", "median", "max")]
        yield (f"`{name}`", entry.get("unit", ""), *numbers, goal, met)


def goal_of(entry):
    return f"{'≥' if entry['better'] == 'higher' else '≤'} {entry['goal']:g}"


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
    for storm in STORMS:
        problems += [f"{storm}: {problem}" for problem in problems_of_storm(figures, storm)]
    return problems


def problems_of_storm(figures, storm):
    def of(name):
        return figures.get(f"{storm}.{name}", {"values": []})["values"]

    rounds = list(zip(of("refused_share"), of("refusal_p50_ms"), of("refusal_p99_ms")))
    checks = [
        (all(0 <= share <= 1 for share, _, _ in rounds), "a share of refused requests"),
        (all(median <= p99 for _, median, p99 in rounds), "refusals' median above their p99"),
        (all((p99 > 0) == (share > 0) for share, _, p99 in rounds), "refusals that took no time"),
    ]
    if storm == "overload.rate":
        enough = all(offered >= OFFERED_LEAST for offered in of("offered_x"))
        checks.append((enough, "less than ten times what the shop can do was asked"))
    return [problem for holds, problem in checks if not holds]


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
