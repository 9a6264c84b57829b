"""A report without a contradiction, and contradictions planted in it one at a time."""

import copy
from types import SimpleNamespace

from evidence.bench_section import problems_of_bench
from evidence.cluster_section import TIERS, problems_of_cluster
from evidence.contradictions import problems_of
from evidence.reports import PAYING, FlashSaleReport
from evidence.section import section

NO_ANSWER = {"answers": 0, "latency": None}


def outcome(count):
    latency = {"count": count, "p50_ms": 10, "p95_ms": 20, "p99_ms": 30, "max_ms": 40}
    return {"answers": count, "latency": latency}


def clean_run(target, number=1):
    bought, refused = (20, 0) if target == "ceiling" else (10, 9)
    return {
        "target": target,
        "round": number,
        "seconds": 2.0,
        "ran_out_after_s": 1.0 if refused else None,
        "requests": 30,
        "requests_per_s": 15.0,
        "users_most": 5,
        "iterations": 20,
        "dropped_iterations": 0,
        "purchases": bought,
        "unknown_outcomes": 0,
        "contradictions": 0,
        "refused_for_units": refused,
        "server_errors": 0,
        "failed_share": 0,
        "payments_acknowledged": bought,
        "outcomes": {
            "bought": outcome(bought),
            "replayed": outcome(1) if refused else NO_ANSWER,
            "sold_out": outcome(refused) if refused else NO_ANSWER,
            "none_left_now": NO_ANSWER,
        },
        "latency_paid": outcome(bought)["latency"],
        "latency_all": outcome(30)["latency"],
        "thresholds": [
            {"metric": "server_errors", "rule": "count==0", "holds": True},
            {"metric": "latency_bought", "rule": "p(99)<3000", "holds": True},
        ],
        "settings": {
            "users": 5,
            "clicksPerUser": 4,
            "rate": 0,
            "doubleClickShare": 0.05,
            "retryShare": 0.05,
            "payShare": 1,
        },
        "k6_exit_code": 0,
        "invalid": [],
        "cpu": {
            "k6": 0.5, "tiers": {"gateway": 0.2}, "others": 0, "stolen": 0, "idle": 0.3,
        },
    }  # fmt: skip


def clean_audit(number):
    return {
        "round": number,
        "holds": True,
        "equalities": [{"what": "units add up", "holds": True, "said": "10"}],
        "tally": {
            "allotted": 10,
            "remaining": 0,
            "held": 0,
            "sold": 10,
            "released": 0,
            "orders": 10,
            "adds_up": True,
        },
        "sale": {"state": "settled"},
        "invariants": {"holds": True, "findings": [], "skipped": []},
    }


CLEAN = {
    "summary": {
        "valid": True,
        "invalid": [],
        "thresholds_hold": True,
        "middle_round": 1,
        "rounds": [clean_run("shop"), clean_run("ceiling"), clean_run(PAYING, 2)],
    },
    "audit": {"holds": True, "rounds": [clean_audit(1), clean_audit(2)]},
    "environment": {
        "dirty": False,
        "taken_at": "2026-01-01T00:00:00+00:00",
        "commit": "0123456789abcdef",
        "machine": {"cpu": "any", "cores": 2, "ram_gib": 8, "kernel": "6"},
        "versions": {"k6": "k6 v1"},
        "topology": {"where": "here"},
        "limits": {"sale": {"units": 10, "units_per_customer": 3}},
    },
}

SHOP = ("summary", "rounds", 0)
AUDIT = ("audit", "rounds", 0)

# (where, what is put there, what must be said)
PLANTED = [
    (("environment", "dirty"), True, "uncommitted changes"),
    (("summary", "valid"), False, "it is invalid"),
    (("summary", "thresholds_hold"), False, "thresholds were breached"),
    (("audit", "holds"), False, "violations"),
    ((*SHOP, "target"), "ceiling", "0 rounds of the shop"),
    (("summary", "rounds", 2, "target"), "another", "no round with payment"),
    ((*SHOP, "requests"), 3, "fewer requests than answers"),
    ((*SHOP, "purchases"), 12, "more purchases than answers"),
    ((*SHOP, "purchases"), 9, "9 purchases counted by k6, 10 orders"),
    ((*SHOP, "refused_for_units"), 5, "counted twice"),
    ((*SHOP, "refused_for_units"), 0, "never ran out"),
    ((*SHOP, "requests_per_s"), 150.0, "requests per second"),
    ((*SHOP, "users_most"), 4, "fewer users"),
    ((*SHOP, "dropped_iterations"), 7, "dropped iterations"),
    ((*SHOP, "server_errors"), 1, "server_errors count==0"),
    ((*SHOP, "thresholds", 0, "holds"), False, "server_errors count==0"),
    ((*SHOP, "k6_exit_code"), 99, "exit code"),
    ((*SHOP, "cpu", "idle"), 0.6, "no whole"),
    ((*SHOP, "outcomes", "bought", "latency", "p99_ms"), 5000, "latency_bought p(99)<3000"),
    ((*SHOP, "outcomes", "bought", "latency", "p99_ms"), 5, "percentiles of `bought`"),
    ((*SHOP, "outcomes", "bought", "answers"), 11, "latencies of `bought`"),
    ((*AUDIT, "round"), 3, "was not audited"),
    ((*AUDIT, "tally", "orders"), 11, "10 purchases counted by k6, 11 orders"),
    ((*AUDIT, "tally", "sold"), 11, "10 units offered, 11 accounted for"),
    ((*AUDIT, "tally", "adds_up"), False, "tally does not add up"),
    ((*AUDIT, "equalities", 0, "holds"), False, "its checks and its verdict"),
    ((*AUDIT, "invariants", "skipped"), [{"invariant": 1}], "not checked: [1]"),
    ((*AUDIT, "invariants", "holds"), False, "its findings and its verdict"),
]


def run_on_cluster(target, number, idle):
    tiers = {tier: 0.03 for tier in TIERS}
    cpu = {"k6": 0.4, "tiers": tiers, "others": 0.02, "stolen": 0, "idle": idle}
    return clean_run(target, number) | {"cpu": cpu}


def kept(better, goal):
    return {
        "values": [1, 1, 1], "min": 1, "median": 1, "max": 1,
        "unit": "x", "better": better, "goal": goal, "goal_met": True,
    }  # fmt: skip


RESOURCES = {"requests": {"cpu": "100m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}}
CLEAN_CLUSTER = {
    "summary": CLEAN["summary"]
    | {
        "rounds": [
            *(run_on_cluster(target, number, 0.28)
              for number in (1, 2, 3) for target in ("shop", "ceiling")),
            run_on_cluster(PAYING, 4, 0.28),
        ],
        "promises": {
            "requests_per_s.over_ceiling": kept("higher", 0.65),
            "p95_ms.over_ceiling": kept("lower", 1.5),
        },
    },
    "audit": {"holds": True, "rounds": [clean_audit(number) for number in (1, 2, 3, 4)]},
    "environment": CLEAN["environment"]
    | {
        "command": "make load CLUSTER=1",
        "limits": CLEAN["environment"]["limits"] | {"pods": {"gateway": {"room": RESOURCES}}},
    },
}  # fmt: skip

RATE = ("summary", "promises", "requests_per_s.over_ceiling")
P95 = ("summary", "promises", "p95_ms.over_ceiling")

PLANTED_IN_CLUSTER = [
    (("summary", "promises"), {}, "does not say whether p95_ms.over_ceiling was kept"),
    ((*RATE, "goal_met"), False, "whether its goal is met"),
    ((*RATE, "goal"), 1.1, "whether its goal is met"),
    ((*P95, "goal"), 0.9, "whether its goal is met"),
    ((*P95, "median"), 0.5, "its median"),
    ((*RATE, "values"), [1, 1], "2 rounds"),
    ((*RATE, "values"), [1, 1], "is not the shop's over the ceiling's"),
    ((*RATE, "values"), [1, 1, 2], "is not the shop's over the ceiling's"),
    ((*SHOP, "latency_all", "p95_ms"), 80, "p95_ms.over_ceiling is not the shop's"),
    ((*SHOP, "requests_per_s"), 10, "requests_per_s.over_ceiling is not the shop's"),
    ((*SHOP, "cpu", "tiers"), {"gateway": 0.3}, "the CPU time of ingress controller, order"),
    (("environment", "dirty"), True, "uncommitted changes"),
    ((*AUDIT, "tally", "sold"), 11, "10 units offered, 11 accounted for"),
]


def same_thrice(value):
    return {"min": value, "median": value, "max": value, "values": [value] * 3}


CLEAN_BENCH = {
    "started_at": "2026-01-01T00:00:00+00:00",
    "commit": {"id": "0123456789abcdef", "dirty": False},
    "machine": {"cpu": "any", "cores": 2},
    "load_average": {"before": [0.1], "after": [1.0]},
    "valid": True,
    "invalid_because": [],
    "notes": ["co-located"],
    "figures": {
        "sale.purchases_per_s": {"min": 90, "median": 100, "max": 110, "values": [100, 90, 110]},
        "sale.row_update_per_s": {"min": 9, "median": 10, "max": 11, "values": [10, 9, 11]},
        "sale.row_ratio": {
            "min": 10,
            "median": 10,
            "max": 10,
            "values": [10, 10, 10],
            "goal": 5,
            "better": "higher",
            "goal_met": True,
        },
        "rss_mib.rooms": {"min": 1, "median": 2, "max": 3, "values": [1, 2, 3], "detail": True},
        "overload.rate.offered_x": same_thrice(10),
        "overload.rate.refused_share": same_thrice(0.9),
        "overload.rate.refusal_p50_ms": same_thrice(0.5),
        "overload.rate.refusal_p99_ms": same_thrice(30),
        "overload.connections.refused_share": same_thrice(0),
        "overload.connections.refusal_p50_ms": same_thrice(0),
        "overload.connections.refusal_p99_ms": same_thrice(0),
    },
}

RATIO = ("figures", "sale.row_ratio")
GOAL_MET = (*RATIO, "goal_met")

PLANTED_IN_BENCH = [
    (("commit", "dirty"), True, "uncommitted changes"),
    (("valid",), False, "it is invalid"),
    (("invalid_because",), ["straw man"], "straw man"),
    ((*RATIO, "goal"), 50, "whether its goal is met"),
    ((*RATIO, "median"), 12, "its median"),
    ((*RATIO, "min"), 1, "its least value"),
    ((*RATIO, "max"), 20, "its greatest value"),
    ((*RATIO, "values"), [10, 10], "2 rounds"),
    ((*RATIO, "values"), [10, 10, 20], "is not sale.purchases_per_s over"),
    (("figures", "overload.rate.offered_x"), same_thrice(3), "less than ten times"),
    (("figures", "overload.rate.refused_share"), same_thrice(1.2), "a share of refused"),
    (("figures", "overload.rate.refusal_p50_ms"), same_thrice(31), "median above their p99"),
    (("figures", "overload.connections.refused_share"), same_thrice(0.1), "took no time"),
]


def report_of(parts):
    methods = ("rounds_of", "middle", "audit_of")
    report = SimpleNamespace(**copy.deepcopy(parts), folder="load/reports/x", has_picture=True)
    for name in methods:
        setattr(report, name, getattr(FlashSaleReport, name).__get__(report))
    return report


def all_problems(report):
    return problems_of(report) + problems_of_cluster(report)


def with_planted(parts, place, value):
    parts = copy.deepcopy(parts)
    target = parts
    for step in place[:-1]:
        target = target[step]
    target[place[-1]] = value
    return parts


def failures():
    failures = [f"clean report: {problem}" for problem in problems_of(report_of(CLEAN))]
    failures += [f"clean bench: {problem}" for problem in problems_of_bench(CLEAN_BENCH)]
    failures += [f"clean cluster: {one}" for one in all_problems(report_of(CLEAN_CLUSTER))]
    text = section(report_of(CLEAN), report_of(CLEAN_CLUSTER), CLEAN_BENCH)
    wanted = (
        "2026-01-01 00:00:00 UTC",
        "co-located on 2 cores",
        "What this does not show",
        "`sale.row_ratio`",
        "| Ten times too many buyers | unit |",
        "**Goals**, by the median: 1 of 1 met.\n\n<details><summary>All figures, and",
        "sale.row_ratio is sale.purchases_per_s over sale.row_update_per_s",
        "<details><summary>What these are made of</summary>\n\n| What it takes | unit |",
        "through the ingress of a cluster",
        "| `p95_ms.over_ceiling` | x | 1 | 1 | 1 | ≤ 1.5 | met |",
        "gateway: 100m, 32Mi (256Mi)",
        "| ingress controller | 3.0% | 3.0% |",
    )
    failures += [f"not in the section: {each}" for each in wanted if each not in text]
    missed = with_planted(with_planted(CLEAN_BENCH, (*RATIO, "goal"), 50), GOAL_MET, False)
    text = section(report_of(CLEAN), None, missed)
    if "0 of 1 met. **Missed**: `sale.row_ratio` (10, goal ≥ 50)." not in text:
        failures.append("a missed goal is not told before the tables")
    for place, value, wanted in PLANTED:
        problems = problems_of(report_of(with_planted(CLEAN, place, value)))
        failures += missing(place, value, wanted, problems)
    for place, value, wanted in PLANTED_IN_CLUSTER:
        problems = all_problems(report_of(with_planted(CLEAN_CLUSTER, place, value)))
        failures += missing(place, value, wanted, problems)
    for place, value, wanted in PLANTED_IN_BENCH:
        problems = problems_of_bench(with_planted(CLEAN_BENCH, place, value))
        failures += missing(place, value, wanted, problems)
    return failures


def missing(place, value, wanted, problems):
    if any(wanted in problem for problem in problems):
        return []
    return [f"not found: {'.'.join(map(str, place))} = {value}; said: {problems}"]
