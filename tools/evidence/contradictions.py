"""What must be true within a report, whoever wrote it: each figure that is there twice says the
same twice, and what is called valid was."""

from evidence.reports import PAYING

TOLERANCE = 0.01
CPU_TOLERANCE = 0.05  # two clocks, and meters that are not read in one moment
NEED_A_LOG = {2, 3, 5, 6}  # invariants of the audit that k6's runs can't be held against


def problems_of(report):
    summary, environment = report.summary, report.environment
    problems = []
    if environment["dirty"]:
        problems.append("it was taken from a checkout with uncommitted changes")
    if not summary["valid"] or summary["invalid"]:
        problems.append(f"it is invalid: {'; '.join(summary['invalid']) or 'no reason given'}")
    if not summary["thresholds_hold"]:
        problems.append("it says that thresholds were breached")
    if not report.audit["holds"]:
        problems.append("its audit found violations")
    if len(report.rounds_of(PAYING)) != 1:
        problems.append("there is no round with payment")
    shops, ceilings = report.rounds_of("shop"), report.rounds_of("ceiling")
    if len(shops) != len(ceilings) or not shops:
        problems.append(f"{len(shops)} rounds of the shop, {len(ceilings)} of the ceiling")
    for one in summary["rounds"]:
        where = f"round {one['round']}, {one['target']}"
        problems += [f"{where}: {problem}" for problem in problems_of_run(one)]
    for one in shops + report.rounds_of(PAYING):
        audit = report.audit_of(one["round"])
        found = problems_of_audit(one, audit) if audit else ["it was not audited"]
        problems += [f"round {one['round']}: {problem}" for problem in found]
    return problems


def problems_of_run(run):
    outcomes = run["outcomes"]
    answers = {kind: outcome["answers"] for kind, outcome in outcomes.items()}
    told = answers["bought"] + answers["replayed"]
    refused = answers["sold_out"] + answers["none_left_now"]
    checks = [
        (run["requests"] >= sum(answers.values()), "fewer requests than answers to purchases"),
        (run["purchases"] <= told, "more purchases than answers that tell of one"),
        (refused == run["refused_for_units"], "refusals for lack of units are counted twice"),
        (same(run["requests_per_s"], run["requests"] / run["seconds"]), "requests per second"),
        (run["users_most"] >= run["settings"]["users"], "fewer users than it says"),
        (run["dropped_iterations"] == 0 or run["invalid"], "valid in spite of dropped iterations"),
        (rules_hold(run) == (run["k6_exit_code"] == 0), "k6's exit code and its thresholds"),
        (abs(cpu_shares(run["cpu"]) - 1) <= CPU_TOLERANCE, "shares of the CPU that make no whole"),
    ]
    checks += [
        (one["holds"] == is_kept(run, one["metric"], one["rule"]), f"{one['metric']} {one['rule']}")
        for one in run["thresholds"]
    ]
    for kind, outcome in outcomes.items():
        latency = outcome["latency"]
        counted = latency["count"] if latency else 0
        checks.append((counted == outcome["answers"], f"latencies of `{kind}` and their count"))
        checks.append((latency is None or rises(latency), f"percentiles of `{kind}`"))
    return [problem for holds, problem in checks if not holds]


def problems_of_audit(run, audit):
    tally = audit["tally"]
    counted, unknown = run["purchases"], run["unknown_outcomes"]
    parts = tally["remaining"] + tally["held"] + tally["sold"] + tally["released"]
    equalities = all(check["holds"] for check in audit["equalities"])
    invariants = audit["invariants"]
    skipped = {one["invariant"] for one in invariants["skipped"]}
    checks = [
        (
            counted <= tally["orders"] <= counted + unknown,
            f"{counted} purchases counted by k6, {tally['orders']} orders in the database",
        ),
        (parts == tally["allotted"], f"{tally['allotted']} units offered, {parts} accounted for"),
        (tally["adds_up"], "the shop's own tally does not add up"),
        (skipped <= NEED_A_LOG, f"invariants that were not checked: {sorted(skipped)}"),
        (invariants["holds"] != bool(invariants["findings"]), "its findings and its verdict"),
        (audit["holds"] == (equalities and invariants["holds"]), "its checks and its verdict"),
        (run["refused_for_units"] > 0, "the stock never ran out, so nothing was shown"),
    ]
    return [problem for holds, problem in checks if not holds]


COUNTED = {
    "dropped_iterations",
    "server_errors",
    "unknown_outcomes",
    "contradictions",
    "refused_for_units",
}


def is_kept(run, metric, rule):
    """Judges a threshold anew from the run's own figures; k6's summaries have been seen to say the
    opposite of what happened."""
    if metric in COUNTED:
        value = run[metric]
    elif metric.startswith("answers_"):
        value = run["outcomes"][metric.removeprefix("answers_")]["answers"]
    elif metric.startswith("latency_"):
        latency = run["outcomes"][metric.removeprefix("latency_")]["latency"]
        value = latency["p99_ms"] if latency else 0
    elif metric == "http_req_failed":
        value = run["failed_share"]
    else:
        return None
    if rule.endswith("==0"):
        return value == 0
    if rule.endswith(">0"):
        return value > 0
    return value < float(rule.partition("<")[2])


def cpu_shares(cpu):
    parts = (cpu["k6"], *cpu["tiers"].values(), cpu["others"], cpu["stolen"], cpu["idle"])
    return sum(parts)


def rules_hold(run):
    return all(one["holds"] for one in run["thresholds"])


def rises(latency):
    values = [latency[name] for name in ("p50_ms", "p95_ms", "p99_ms", "max_ms")]
    return values == sorted(values)


def same(one, other):
    return abs(one - other) <= TOLERANCE * max(abs(one), abs(other), 1)
