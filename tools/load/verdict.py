"""Whether a run says anything about the shop, and whether the shop passed it."""

import statistics

# Above these shares the figures are k6's or the machine's, not the shop's.
K6_CPU_SHARE_MAX = 0.8  # of all cores of the machine
CEILING_SHARE_MAX = 0.9  # of what the same script gets from a server that does nothing
FOREIGN_CPU_SHARE_MAX = 0.1  # of all cores, used by neither k6 nor the shop, or stolen
CLUSTER_CPU_SHARE_MAX = 0.2  # of all cores, used by the cluster itself: more than looking after it
CLUSTER = "the cluster itself"  # the name of that tier

# Of what the same script gets from an nginx behind the same ingress.
PROMISES = {
    "requests_per_s.over_ceiling": (lambda run: run["requests_per_s"], "higher", 0.65),
    "p95_ms.over_ceiling": (lambda run: run["latency_all"]["p95_ms"], "lower", 1.5),
}


def invalid_reasons(summary, cpu):
    """Of one run; empty if its figures mean something."""
    reasons = []
    settings = summary["settings"]
    if summary["dropped_iterations"] > 0:
        reasons.append(f"k6 dropped {summary['dropped_iterations']} iterations")
    planned = settings["users"] * settings["clicksPerUser"]
    if settings["rate"] == 0 and summary["iterations"] != planned:
        reasons.append(f"{summary['iterations']} of {planned} iterations were done")
    if summary["users_most"] < settings["users"]:
        reasons.append(f"only {summary['users_most']} of {settings['users']} users ran")
    if cpu["k6"] > K6_CPU_SHARE_MAX and summary["target"] != "ceiling":
        reasons.append(f"k6 was the bottleneck: it used {cpu['k6']:.0%} of the machine's CPU")
    foreign = cpu["others"] + cpu["stolen"]
    # Without tiers the shop's own share is among the others'.
    if cpu["tiers"] and foreign > FOREIGN_CPU_SHARE_MAX:
        reasons.append(f"the machine was not quiet: {foreign:.0%} of its CPU went elsewhere")
    own = cpu["tiers"].get(CLUSTER, 0)
    if own > CLUSTER_CPU_SHARE_MAX:
        reasons.append(f"the cluster was not quiet: it used {own:.0%} of the CPU for itself")
    return reasons


def invalid_reasons_together(shop, ceiling, share_max=CEILING_SHARE_MAX):
    """`shop` and `ceiling`: requests per second of all rounds. `share_max` is None where more than
    k6 bounds the ceiling."""
    if not ceiling:
        return ["there is no ceiling to compare with"]
    share = median(shop) / median(ceiling)
    if share_max is not None and share > share_max:
        return [f"k6 was the bottleneck: {share:.0%} of its ceiling on this machine"]
    return []


def equalities(summary, tally, sale):
    """What k6 counted against what the shop has: (what, holds, said)."""
    counted, unknown = summary["purchases"], summary["unknown_outcomes"]
    orders = tally["orders"]
    told = summary["outcomes"]["bought"]["answers"]
    checks = [
        (
            "orders in the database == purchases counted by k6",
            counted <= orders <= counted + unknown,
            f"{orders} == {counted}" + (f" (+ at most {unknown} unknown)" if unknown else ""),
        ),
        ("units add up", tally["adds_up"], f"{tally['allotted']} were offered"),
        ("every unit was taken", tally["remaining"] == 0, f"{tally['remaining']} left"),
    ]
    if (
        summary["outcomes"]["no_answer"]["answers"] + summary["outcomes"]["unavailable"]["answers"]
        == 0
    ):
        checks.append(("each order was a 201 once", told == orders, f"{told} == {orders}"))
    if summary["settings"]["payShare"] == 1:
        paid, unpaid = summary["payments_acknowledged"], summary["payments_unknown"]
        sold = tally["sold"]
        holds = paid <= sold <= paid + unpaid
        checks.append(("units sold == payments counted by k6", holds, f"{sold} == {paid}"))
        settled = sale["state"] == "settled" and sale["sold"] == sold
        checks.append(("the sale is settled with the catalogue", settled, sale["state"]))
    return [{"what": what, "holds": holds, "said": said} for what, holds, said in checks]


def promises(shops, ceilings):
    """Figures of a shop behind an ingress, each as the bench writes its own: one value a round."""
    found = {}
    for name, (read, better, goal) in PROMISES.items():
        values = [read(one) / read(other) for one, other in zip(shops, ceilings)]
        found[name] = promise(values, better, goal)
    return found


def promise(values, better, goal):
    half = statistics.median(values)
    return {
        "unit": "x",
        "values": [round(value, 4) for value in values],
        "min": round(min(values), 4),
        "median": round(half, 4),
        "max": round(max(values), 4),
        "better": better,
        "goal": goal,
        "goal_met": half >= goal if better == "higher" else half <= goal,
    }


def median(numbers):
    ordered = sorted(numbers)
    return ordered[(len(ordered) - 1) // 2]
