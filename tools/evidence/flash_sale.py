"""A storm on a flash sale as Markdown, and the parts that storms have in common."""

from statistics import median

from evidence.markdown import folded, moment, table
from evidence.reports import PAYING

KIND_NAMES = {
    "bought": "201 bought",
    "replayed": "200 the same order, told again",
    "sold_out": "409 sold out",
    "none_left_now": "409 none left now",
    "sale_over": "409 sale over",
    "limit_reached": "409 customer's limit reached",
    "not_enough": "409 not enough left",
    "not_started": "409 not started",
    "paused": "409 paused",
    "too_many_requests": "429 too many requests",
    "unavailable": "503 unavailable",
    "no_answer": "no answer",
    "other": "anything else",
}
INVARIANTS = 9

NOT_SHOWN = """\
**What this does not show.** Capacity: k6 shares the {cores} cores with the shop, its database and
its Redis, so every figure is of all of them together. A network, TLS, several machines, pods or a
cluster. A Redis failover: `make demo` holds one. Users click again as soon as they have an answer,
so a slower shop is asked less: these latencies are those of {users} users who wait, not of a given
rate of arrivals. k6 keeps no log of its answers, so {unchecked} can't be checked after its runs;
`make demo` and the tests check all nine."""


def flash_sale(report):
    shop, environment = report.middle("shop"), report.environment
    settings = shop["settings"]
    lines = [
        f"### {settings['users']:,} users, {environment['limits']['sale']['units']:,} units",
        "",
        "One flash sale, stormed with k6,"
        f" **co-located on {environment['machine']['cores']} cores**;"
        f" the middle one of {len(report.rounds_of('shop'))} rounds.",
        links(report),
        "",
        *table(("", ""), facts(report)),
        "",
        *table(("answer to a purchase", "count", "p50", "p95", "p99", "max"), outcomes(shop)),
        "",
        *table(("", "middle", "least", "most"), figures(report, "an nginx that answers at once")),
        "",
        cpu_sentence(report),
        "",
        paying_sentence(report),
        "",
        audit_sentence(report),
        "",
        NOT_SHOWN.format(
            cores=environment["machine"]["cores"],
            users=f"{settings['users']:,}",
            unchecked=unchecked(report),
        ),
    ]
    return "\n".join([*lines, *picture(report)]) + "\n"


def links(report):
    return (
        f"[Report]({report.folder}): every count, [audit]({report.folder}/audit.json),"
        f" [environment]({report.folder}/environment.json),"
        f" [dashboard]({report.folder}/dashboard.html)."
    )


def picture(report):
    if not report.has_picture:
        return []
    link = f"[![k6's dashboard]({report.folder}/dashboard.png)]({report.folder}/dashboard.png)"
    return ["", *folded("k6's dashboard of that round", [link])]


def facts(report):
    environment, settings = report.environment, report.middle("shop")["settings"]
    machine, sale = environment["machine"], environment["limits"]["sale"]
    dirty = ", with uncommitted changes" if environment["dirty"] else ""
    durable = ""
    if "PostgreSQL" in environment["limits"]:
        used = environment["limits"]["PostgreSQL"]
        durable = f" fsync {used['fsync']}, synchronous_commit {used['synchronous_commit']};"
    return [
        ("date", moment(environment["taken_at"])),
        ("commit", f"`{environment['commit'][:12]}`{dirty}"),
        (
            "machine",
            f"{machine['cpu']}, {machine['cores']} cores, {machine['ram_gib']} GiB,"
            f" Linux {machine['kernel']}",
        ),
        ("versions", ", ".join(versions(environment["versions"]))),
        ("topology", "; ".join(topology(environment["topology"]))),
        ("limits in force", f"{durable} {sale['units_per_customer']} units per customer".strip()),
        ("scenario", scenario(settings)),
        ("command", f"`{environment.get('command', 'make load')}`"),
    ]


def versions(found):
    """Without what distributions add to them."""
    for name, said in found.items():
        words = said.replace("v=", "").replace("nginx/", "").split()
        number = next((word for word in words if word.lstrip("v")[:1].isdigit()), said)
        yield f"{name} {number}"


def topology(found):
    yield found["where"]
    for name, said in found.items():
        if name != "where":
            yield f"{name}: {said}"


def scenario(settings):
    how = (
        f"{settings['rate']:,} clicks/s by the clock"
        if settings["rate"]
        else f"{settings['clicksPerUser']} clicks each, the next one after the last answer"
    )
    return (
        f"{settings['users']:,} users, each a customer with a token of its own; {how};"
        f" {settings['doubleClickShare']:.0%} double clicks, {settings['retryShare']:.0%} retries"
        f" with the same key; {settings['payShare']:.0%} of buyers pay at once, the others hold"
        " their units"
    )


def outcomes(run):
    for kind, outcome in run["outcomes"].items():
        if outcome["answers"]:
            yield (KIND_NAMES[kind], f"{outcome['answers']:,}", *latencies(outcome["latency"]))
    if run["latency_paid"]:
        yield (
            "(payments) 200 paid",
            f"{run['payments_acknowledged']:,}",
            *latencies(run["latency_paid"]),
        )


def latencies(latency):
    return [f"{latency[name]:,.0f} ms" for name in ("p50_ms", "p95_ms", "p99_ms", "max_ms")]


def figures(report, ceiling):
    shops, ceilings = report.rounds_of("shop"), report.rounds_of("ceiling")
    rows = [
        (
            "purchases/s until the last unit was taken",
            [until_sold_out(one) for one in shops],
            ",.0f",
        ),
        (
            "seconds until the last unit was taken",
            [one["ran_out_after_s"] for one in shops],
            ",.1f",
        ),
        ("requests/s", [one["requests_per_s"] for one in shops], ",.0f"),
        (
            f"requests/s of the ceiling: the same script against {ceiling}",
            [one["requests_per_s"] for one in ceilings],
            ",.0f",
        ),
        (
            "share of the ceiling",
            [
                one["requests_per_s"] / other["requests_per_s"]
                for one, other in zip(shops, ceilings)
            ],
            ".0%",
        ),
    ]
    for name, values, form in rows:
        yield (name, *(f"{value:{form}}" for value in (median(values), min(values), max(values))))
    for name in ("server_errors", "dropped_iterations", "unknown_outcomes", "contradictions"):
        values = [one[name] for one in shops]
        row = (median(values), min(values), max(values))
        yield (name.replace("_", " "), *(f"{value:,.0f}" for value in row))


def until_sold_out(run):
    return run["purchases"] / run["ran_out_after_s"] if run["ran_out_after_s"] else 0


def cpu_sentence(report):
    shop, ceiling = report.middle("shop")["cpu"], report.middle("ceiling")["cpu"]
    tiers = ", ".join(
        f"{name} {share:.0%}" for name, share in shop["tiers"].items() if share > 0.005
    )
    return (
        f"**CPU of the machine** while the load lasted: k6 {shop['k6']:.0%};"
        f" {tiers or 'the tiers are not known'}; other processes {shop['others']:.0%}, stolen by"
        f" the host {shop['stolen']:.0%}, idle {shop['idle']:.0%}. Against the ceiling: k6"
        f" {ceiling['k6']:.0%}."
    )


def paying_sentence(report):
    run = report.rounds_of(PAYING)[0]
    latency = run["latency_paid"]
    audit = report.audit_of(run["round"])
    tally = audit["tally"]
    return (
        "**With payment**: one more round, in which everybody pays as soon as a unit is theirs:"
        f" {run['payments_acknowledged']:,} orders paid, {run['requests_per_s']:,.0f} requests/s;"
        f" a payment took {latency['p50_ms']:,.0f} ms (p50), {latency['p99_ms']:,.0f} ms (p99)."
        f" Of {tally['allotted']:,} units {tally['sold']:,} were sold; the sale is"
        f" {audit['sale']['state']}."
    )


def audit_sentence(report):
    rounds = report.audit["rounds"]
    audit = report.audit_of(report.summary["middle_round"])
    checks = "; ".join(f"{check['what']} ({check['said']})" for check in audit["equalities"])
    held = INVARIANTS - len(audit["invariants"]["skipped"])
    verdict = "holds" if report.audit["holds"] else "FOUND VIOLATIONS"
    return (
        f"**Audit**, after each of {len(rounds)} rounds: {verdict}. {checks}. Of the nine"
        f" invariants of `doorbuster audit` the {held} that the database alone can prove"
        f" {'hold' if audit['invariants']['holds'] else 'DO NOT HOLD'}."
    )


def unchecked(report):
    audit = report.audit_of(report.summary["middle_round"])
    numbers = [str(one["invariant"]) for one in audit["invariants"]["skipped"]]
    return f"the invariants {', '.join(numbers)} of the audit" if numbers else "nothing"
