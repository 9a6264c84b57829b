"""A storm through the ingress of a cluster as Markdown, and what must be true within its report."""

from statistics import median

from evidence import flash_sale
from evidence.bench_section import goals_sentence, problems_of_figure, rows, same
from evidence.markdown import folded, table
from evidence.reports import PAYING

NGINX = "an nginx pod behind the same ingress"
PROMISED = {
    "requests_per_s.over_ceiling": lambda run: run["requests_per_s"],
    "p95_ms.over_ceiling": lambda run: run["latency_all"]["p95_ms"],
}
# As they are listed. Without them the shares of the CPU would say nothing about a cluster.
TIERS = (
    "ingress controller",
    "gateway",
    "order",
    "auth",
    "product",
    "echo",
    "PostgreSQL",
    "Redis and sentinels",
    "redis-primary",
    "the cluster itself",
)

NOT_SHOWN = """\
**What this does not show.** Capacity: co-located on {cores} cores. k6, the ingress controller, the
cluster's own processes, the shop, its database and its Redis share them, so every figure is of all
of them together; on machines of its own the shop would not wait for k6. A network, TLS, several
nodes. What NetworkPolicies cost where they are enforced. A part that fails: `make cluster-test`
breaks each of them amid a sale. Users click again as soon as they have an answer, so a slower shop
is asked less: these latencies are those of {users} users who wait, not of a given rate of arrivals.
k6 keeps no log of its answers, so {unchecked} can't be checked after its runs; `make cluster-test`
checks all nine."""


def cluster_section(report):
    shop, environment = report.middle("shop"), report.environment
    users, cores = f"{shop['settings']['users']:,}", environment["machine"]["cores"]
    lines = [
        f"### {users} users through the ingress of a cluster",
        "",
        f"The same storm on pods, through the ingress controller, **co-located on {cores} cores**:"
        " k6 runs on the cluster's one node. The middle one of"
        f" {len(report.rounds_of('shop'))} rounds, each followed by the same script against"
        f" {NGINX}, the ceiling.",
        flash_sale.links(report),
        "",
        goals_sentence(report.summary["promises"]),
        "",
        *folded("All figures", tables(report)),
        "",
        flash_sale.paying_sentence(report),
        "",
        flash_sale.audit_sentence(report),
        "",
        NOT_SHOWN.format(cores=cores, users=users, unchecked=flash_sale.unchecked(report)),
    ]
    return "\n".join([*lines, *flash_sale.picture(report)]) + "\n"


def tables(report):
    yield from table(("", ""), facts(report))
    yield ""
    yield from table(("promise", "unit", "least", "median", "most", "goal", ""), promises(report))
    yield ""
    answers = flash_sale.outcomes(report.middle("shop"))
    yield from table(("answer to a purchase", "count", "p50", "p95", "p99", "max"), answers)
    yield ""
    yield from table(("", "middle", "least", "most"), figures(report))
    yield ""
    yield from table(("CPU of the machine", "the shop", "the ceiling"), cpu(report))


def facts(report):
    found = flash_sale.facts(report)
    pods = report.environment["limits"]["pods"]
    row = ("requests (limits) of a pod", "; ".join(resources(pods)))
    return [*found[:-2], row, *found[-2:]]


def resources(pods):
    for name, containers in pods.items():
        for one in containers.values():
            asked, most = one.get("requests", {}), one.get("limits", {})
            parts = [
                f"{asked[what]}" + (f" ({most[what]})" if what in most else "")
                for what in ("cpu", "memory")
                if what in asked
            ]
            yield f"{name}: {', '.join(parts)}"


def promises(report):
    return rows(report.summary["promises"])


def figures(report):
    yield from flash_sale.figures(report, NGINX)
    for what, target in (("p95 of all answers", "shop"), ("p95 of the ceiling's", "ceiling")):
        values = [one["latency_all"]["p95_ms"] for one in report.rounds_of(target)]
        three = (median(values), min(values), max(values))
        yield (what, *(f"{value:,.0f} ms" for value in three))


def cpu(report):
    shop, ceiling = report.middle("shop")["cpu"], report.middle("ceiling")["cpu"]
    shares = [("k6", shop["k6"], ceiling["k6"])]
    for name in {**dict.fromkeys(TIERS), **shop["tiers"], **ceiling["tiers"]}:
        shares.append((name, shop["tiers"].get(name, 0), ceiling["tiers"].get(name, 0)))
    shares.append(("other processes", shop["others"], ceiling["others"]))
    shares.append(("stolen by the host", shop["stolen"], ceiling["stolen"]))
    shares.append(("idle", shop["idle"], ceiling["idle"]))
    for name, one, other in shares:
        yield (name, f"{one:.1%}", f"{other:.1%}")


def problems_of_cluster(report):
    found = report.summary.get("promises", {})
    shops, ceilings = report.rounds_of("shop"), report.rounds_of("ceiling")
    problems = [f"it does not say whether {name} was kept" for name in PROMISED.keys() - found]
    for name, read in PROMISED.items():
        if name not in found:
            continue
        problems += [f"{name}: {problem}" for problem in problems_of_figure(found[name])]
        wanted = [read(one) / read(other) for one, other in zip(shops, ceilings)]
        if len(wanted) != len(found[name]["values"]) or not all(
            map(same, found[name]["values"], wanted)
        ):
            problems.append(f"{name} is not the shop's over the ceiling's")
    for one in shops + ceilings + report.rounds_of(PAYING):
        lacking = [tier for tier in TIERS if tier not in one["cpu"]["tiers"]]
        if lacking:
            where = f"round {one['round']}, {one['target']}"
            problems.append(f"{where}: nobody knows the CPU time of {', '.join(lacking)}")
    return problems
